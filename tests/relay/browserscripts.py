# SPDX-License-Identifier: LGPL-2.1-or-later

"""What test-browser.py lets run inside the page; past its policy, as a debugger may."""

# Before any script of the page.
WATCH = """
window.hits = 0
window.hit = () => { window.hits++ }
window.violations = []
document.addEventListener('securitypolicyviolation', event => {
  window.violations.push(event.effectiveDirective)
})
"""

VIOLATIONS = "return window.violations"

# All that a stranger's text could make of itself, were it not escaped; and by which part of the
# policy each of them is stopped.
INJECT = """
const add = (tag, fields, text) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(fields))
    element.setAttribute(name, value)
  if (text)
    element.textContent = text
  return document.body.appendChild(element)
}
add('script', {}, 'hit()')
add('script', {src: location.origin + '/v1/script.js'})
add('div', {onclick: 'hit()'}).click()
add('style', {}, 'body { display: none }')
add('p', {style: 'color: red'}, 'red')
add('link', {rel: 'stylesheet', href: location.origin + '/v1/style.css'})
add('img', {src: location.origin + '/v1/picture.png', onload: 'hit()'})
add('iframe', {src: location.origin + '/v1/frame'})
add('object', {data: location.origin + '/v1/object'})
add('video', {src: location.origin + '/v1/video'})
add('base', {href: 'https://elsewhere.example/'})
add('form', {action: location.href, method: 'post'}).submit()
const font = new FontFace('f', 'url(' + location.origin + '/v1/font)')
font.load().then(hit, () => {})
fetch(location.origin + '/v1/m').then(hit, () => {})
navigator.sendBeacon(location.origin + '/v1/beacon', location.hash)
try { new WebSocket('wss://' + location.host + '/') } catch (error) {}
try { new Worker(location.origin + '/v1/worker.js') } catch (error) {}
return ['script-src-elem', 'script-src-attr', 'style-src-elem', 'style-src-attr', 'img-src',
        'frame-src', 'object-src', 'media-src', 'base-uri', 'form-action', 'font-src',
        'connect-src', 'worker-src']
"""

# What a scanner does that knows no page in particular.
OUTSIDE = """
for (const form of document.forms)
  form.submit()
for (const element of document.querySelectorAll('*'))
  for (const kind of ['mouseover', 'pointerdown', 'focus', 'submit', 'change', 'keydown'])
    element.dispatchEvent(new Event(kind, {bubbles: true}))
for (const element of document.body.querySelectorAll('*'))
  element.click?.()
window.dispatchEvent(new Event('beforeunload'))
document.dispatchEvent(new Event('visibilitychange'))
"""

# [text, its contrast (WCAG 2.2) with what is behind it, its size in pixels], of all that can be
# seen.
CONTRASTS = """
const parse = colour => colour.match(/[0-9.]+/g).map(Number)
const luminance = ([red, green, blue]) => {
  const [r, g, b] = [red, green, blue].map(c => {
    c /= 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const colour = parse(getComputedStyle(e).backgroundColor)
    if (colour.length < 4 || colour[3] === 1)
      return colour
    if (colour[3] > 0)
      throw new Error('half transparent: ' + e.outerHTML)
  }
  throw new Error('nothing behind')
}
const found = []
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement
  if (!node.data.trim() || !element.getClientRects().length)
    continue
  const [one, other] = [luminance(parse(getComputedStyle(element).color)),
                        luminance(behind(element))]
  found.push([node.data, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05),
              parseFloat(getComputedStyle(element).fontSize)])
}
return found
"""
