#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The preview page in a real browser: what it shows, to whom, and that it sends nothing.

Pictures of it are left in the folder $TIGRESS_PICTURES."""

import base64
import contextlib
import html.parser
import json
import os
import sqlite3
import tempfile
import time
import unittest
import urllib.parse

from browser import Authority, Browser, Ear, HeardRelay, need_browser
from browserscripts import CONTRASTS, INJECT, OUTSIDE, VIOLATIONS, WATCH
from relayprocess import Device, create_body, draw, until, utc

LANGUAGES = {
    "en": "Open in the wallet",
    "de": "In der Wallet öffnen",
    "es": "Abrir en la cartera",
    "fr": "Ouvrir dans le portefeuille",
}
SECRETS = ("AW" + "x-9_" * 10 + "Qg", "hXlr6aRC7KgJpOLTNZaLsw==")
PICTURES = os.environ["TIGRESS_PICTURES"]
TAB, ENTER = "\ue004", "\ue007"


class World:
    """One relay, and one browser, for all tests: each has its own mailboxes."""

    def __init__(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(tempfile.TemporaryDirectory())
            os.mkdir(os.path.join(self.folder, "authority"))
            self.authority = Authority(os.path.join(self.folder, "authority"))
            self.ear = Ear(self.authority)
            self.relay = stack.enter_context(HeardRelay(self.ear))
            self.browser = stack.enter_context(self.open_browser("home"))
            self.browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            self.stack = stack.pop_all()

    def open_browser(self, name, **how):
        home = os.path.join(self.folder, name)
        os.mkdir(home)
        return Browser(home, self.authority, self.ear.origin, **how)

    def offer(self, title="", description="", image="", expires=None, **headers):
        """A mailbox's address, and its initiator."""
        alice = Device(self.relay)
        body = create_body(title=title, expires=expires)
        body["displayInformation"].update(description=description, imageURL=image)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = alice.ask("POST", "/v1/m", body, {"Mailbox-Request-ID": draw(), **headers})
        if answer.status != 200:
            return answer, None
        alice.path = answer.json()["urlLink"][len(self.ear.origin) :]
        return answer.json()["urlLink"], alice


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.stack.close)


class Tags(html.parser.HTMLParser):
    """What a messenger makes of a page, and every tag of it."""

    def __init__(self, octets):
        super().__init__()
        self.properties, self.tags, self.text, self.inside = {}, [], {}, []
        self.feed(octets.decode())
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, [name for name, _ in attributes]))
        self.inside.append(tag)
        named = dict(attributes)
        if named.get("property"):
            assert named["property"] not in self.properties, named
            self.properties[named["property"]] = named["content"]

    def handle_data(self, data):
        if self.inside:
            self.text[self.inside[-1]] = self.text.get(self.inside[-1], "") + data

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass


def messenger(url, **headers):
    """How the programs fetch that draw previews: no claim, no language, a few words about it."""
    device = Device(world.relay)
    headers = {"Accept": "*/*", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return device.ask("GET", url[len(world.ear.origin) :], headers=headers, claim=False)


class Page(unittest.TestCase):
    def setUp(self):
        self.browser = world.browser
        self.browser.show(1000)
        self.browser.speak("en")

    def go(self, url):
        self.browser.go(url)
        self.assertEqual(self.browser.url(), url)

    def quiet(self):
        """Nothing that the policy forbids was tried, and the console has nothing to say."""
        self.assertEqual(self.browser.run(VIOLATIONS), [])
        self.assertEqual([e["message"] for e in self.browser.log("browser")
                          if " - Launched external handler for 'tigress:" not in e["message"]], [])


class Preview(Page):
    # Title and description as somebody types them, and as they are to be read.
    HOSTILE = [
        ("Front door", "For the weekend", "Front door", "For the weekend"),
        ('"><script>hit()</script><img src=x onerror=hit()>', "'><svg onload=hit()>", None, None),
        ("</title><script>hit()</script>", "</p></main></body></html><h1>other</h1>", None, None),
        ("--><![CDATA[<!--", "&lt;script&gt;&amp;&#60;&#0;&", None, None),
        ("</style><style>*{display:none}</style>", "{until} {js} {title} %s %n", None, None),
        ("safe\u202egpj.exe", "\u2066left\u2069 \u200bnothing\u200d\ufeff", "safegpj.exe",
         "left nothing"),
        ("two\r\nlines\ttab", "esc \x1b[31m bell\x07 \x7f\x9b31m", "two lines tab",
         "esc [31m bell 31m"),
        ("\U0001f511\U0001f6aa Schlüssel für die Tür", "مفتاح الباب الأمامي", None, None),
        ("x" * 256, "ä" * 512, None, None),
        ("", "", "", ""),
    ]

    def test_messengers_read_what_the_sender_wrote(self):
        url, _ = world.offer("Front door", "For the weekend")
        innocent = Tags(messenger(url).body).tags
        for title, description, clean_title, clean_description in self.HOSTILE:
            clean_title = title if clean_title is None else clean_title
            clean_description = description if clean_description is None else clean_description
            with self.subTest(title):
                expires = int(time.time()) + 3600
                url, _ = world.offer(title, description, "https://img.example/a\"b.png?&lt;", expires)
                self.assertIsInstance(url, str)
                answer = messenger(url)
                page = Tags(answer.body)
                shown = {
                    "og:title": clean_title or "Shared credential", "og:type": "website",
                    "og:description": clean_description, "og:url": url,
                    "og:image": "https://img.example/a\"b.png?&lt;",
                }
                self.assertEqual(page.properties, shown)
                # No tag and no attribute comes from the sender.
                extra = [("meta", ["property", "content"])]
                if clean_title:
                    self.assertEqual(sorted(page.tags), sorted(innocent + extra))
                self.assertEqual(page.text["time"], time.strftime(
                    "%e %B %Y, %H:%M UTC", time.gmtime(expires)).strip())
                self.assertIn('datetime="%s"' % utc(expires), answer.body.decode())

                self.go(url + "#" + SECRETS[0])
                self.assertEqual(self.browser.run(
                    "return Object.fromEntries([...document.querySelectorAll('meta[property]')]"
                    ".map(e => [e.getAttribute('property'), e.content]))"), shown)
                self.assertEqual(self.browser.run("return document.title"), shown["og:title"])
                self.assertEqual(self.browser.run(
                    "return [...document.querySelectorAll('h1')].map(e => e.textContent)"),
                    [shown["og:title"]])
                self.assertEqual(self.browser.run(
                    "return document.querySelector('.said')?.textContent ?? ''"), clean_description)
                self.assertEqual(self.browser.run("return document.scripts.length"), 1)
                self.quiet()
        for bad, status in (("nul\0", 400), ("x" * 257, 413)):
            self.assertEqual(world.offer(bad)[0].status, status)

    def test_only_secure_images_are_named(self):
        for image in ("http://img.example/a", "javascript:hit()", "//img.example", "data:image/png,x"):
            url, _ = world.offer("t", "d", image)
            self.assertNotIn("og:image", Tags(messenger(url).body).properties)

    def test_languages(self):
        url, _ = world.offer("Tür", "d")
        lengths = set()
        for wanted, language in [(tag, tag) for tag in LANGUAGES] + [
                ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"), ("de-AT", "de"),
                ("ja;q=1, es-MX;q=0.2", "es"), ("en;q=0.1, de;q=0", "en"), ("ja", "en"),
                ("x" * 2000, "en"), ("", "en"), (None, "en")]:
            answer = messenger(url, **({} if wanted is None else {"Accept_Language": wanted}))
            self.assertEqual(answer.headers["Content-Language"], language)
            self.assertEqual(answer.headers["Vary"], "Accept, Accept-Language")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(Tags(answer.body).text["button"], LANGUAGES[language])
            self.assertEqual(Tags(answer.body).properties["og:title"], "Tür")
            lengths.add(len(answer.body))
        self.assertEqual(len(lengths), 4)
        data = messenger(url, Accept="application/json", Accept_Language="de")
        self.assertEqual(data.headers["Vary"], "Accept")
        self.assertIsNone(data.headers["Content-Language"])
        for language, button in LANGUAGES.items():
            self.browser.speak("%s-XX,%s;q=0.9" % (language, language))
            self.go(url)
            self.assertEqual(self.browser.run("return document.documentElement.lang"), language)
            self.assertEqual(self.browser.run("return document.querySelector('button').innerText"),
                             button)
            self.quiet()


class Click(Page):
    def test_click_gives_the_whole_link_to_the_wallet_and_to_nobody_else(self):
        n_opened = 0
        for query, secret, by_key in (("", SECRETS[0], False), ("?v=a", SECRETS[1], True)):
            url, alice = world.offer("Front door")
            link = url + query + "#" + secret
            before = world.ear.requests()
            self.go(link)
            asked = {"GET %s%s HTTP/1.1" % (alice.path, query): 1}
            self.assertEqual(world.ear.requests() - before, asked)
            self.assertNotIn("Page.frameRequestedNavigation", dict(self.browser.events()))
            if by_key:
                self.browser.press(TAB, ENTER)
            else:
                self.browser.click(self.browser.find_all("#open")[0])
            n_opened += 1
            self.assertEqual(self.browser.opened(n_opened)[n_opened - 1 :], ["tigress:" + link])
            events = self.browser.events()
            self.assertEqual([p["url"] for m, p in events if m == "Page.frameRequestedNavigation"],
                             ["tigress:" + link])
            self.assertEqual([p["request"]["url"].split(":")[0] for m, p in events
                              if m == "Network.requestWillBeSent"], ["tigress"])
            self.assertEqual(self.browser.url(), link)
            self.assertEqual(world.ear.requests() - before, asked)
            self.quiet()
        for secret in SECRETS:
            self.assert_never_sent(secret, world.ear.all())

    def assert_never_sent(self, secret, octets):
        for form in (secret, urllib.parse.quote(secret, safe=""), secret[:12], secret[-12:],
                     base64.b64encode(secret.encode()).decode()[:16]):
            self.assertNotIn(form.encode(), octets)

    def test_browser_sends_nothing_but_the_request_for_the_page(self):
        path = os.path.join(world.folder, "net-log.json")
        url, alice = world.offer("Front door", "d", "https://img.example/picture.png")
        heard = len(world.ear.heard)
        with world.open_browser("logged", net_log=path) as browser:
            browser.go(url + "#" + SECRETS[0])
            browser.click(browser.find_all("#open")[0])
            self.assertEqual(browser.opened(1), ["tigress:" + url + "#" + SECRETS[0]])
        with open(path) as file:
            log = json.load(file)
        names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
        events = [(names[e["type"]], e.get("params", {})) for e in log["events"]]
        started = [p for name, p in events if name == "URL_REQUEST_START_JOB" and "url" in p]
        # What the browser does for itself has no page as its origin, and gets nowhere.
        self.assertEqual({p["initiator"] for p in started}, {"not an origin"})
        asked = [(p["method"], p["url"].split("#")[0]) for p in started
                 if p["url"].startswith(world.ear.origin)]
        self.assertEqual(asked, [("GET", url)])
        reached = {p["address"] for name, p in events
                   if name == "TCP_CONNECT_ATTEMPT" and "address" in p}
        self.assertEqual(reached, {world.ear.origin[len("https://") :]})
        sent = b"".join(base64.b64decode(p.get("bytes", "")) for name, p in events
                        if name.endswith("SOCKET_BYTES_SENT"))
        self.assertIn(b"GET " + alice.path.encode(), sent)
        self.assert_never_sent(SECRETS[0], sent)
        octets = b"".join(bytes(octets) for octets in world.ear.heard[heard:])
        self.assertEqual(octets.count(b" HTTP/1.1\r\n"), 1)
        self.assertTrue(octets.startswith(b"GET " + alice.path.encode() + b" "))
        self.assertNotIn(b"\r\n\r\n", octets[:-4])


class Policy(Page):
    def test_what_is_injected_does_nothing(self):
        url, _ = world.offer("Front door")
        self.go(url)
        self.quiet()
        before = world.ear.requests()
        blocked = self.browser.run(INJECT)
        violations = until(
            lambda: len(set(self.browser.run(VIOLATIONS))) >= len(blocked) and
            self.browser.run(VIOLATIONS), "all are refused")
        self.assertEqual(sorted(set(violations)), sorted(blocked))
        self.assertEqual(self.browser.run("return window.hits"), 0)
        self.assertEqual(self.browser.url(), url)
        self.assertEqual(world.ear.requests(), before)
        self.browser.log("browser")

    def test_nobody_frames_it(self):
        url, _ = world.offer("Front door")
        self.browser.go(world.ear.origin + "/v1/nothing")  # of the same origin, without a policy
        self.browser.log("browser")
        self.browser.run("document.body.appendChild(document.createElement('iframe')).src ="
                         " arguments[0]", url)
        refused = until(lambda: [p for m, p in self.browser.events()
                                 if m == "Network.loadingFailed"], "the frame is refused")
        self.assertEqual([p["errorText"] for p in refused], ["net::ERR_BLOCKED_BY_RESPONSE"])


class NoScript(Page):
    def test_page_says_how_to_go_on_without_script(self):
        url, _ = world.offer("Front door", "For the weekend")
        shown = "return [...document.querySelectorAll('button, .scripted')]" \
                ".some(e => e.getClientRects().length > 0)"
        self.go(url + "#" + SECRETS[0])
        self.assertTrue(self.browser.run(shown))
        self.browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.go(url + "#" + SECRETS[0])
            self.assertFalse(self.browser.run(shown))
            text = self.browser.run("return document.body.innerText")
            for part in ("Front door", "For the weekend", "This browser runs no scripts",
                         "Copy the whole address", "tigressctl accept", "tigress:", " UTC"):
                self.assertIn(part, text)
            self.assertNotIn(LANGUAGES["en"], text)
            # What is to be copied is there, in one piece.
            self.assertEqual(self.browser.url(), url + "#" + SECRETS[0])
            self.assertEqual(self.browser.log("browser"), [])
            take_picture(self.browser, "no-script")
        finally:
            self.browser.cdp("Emulation.setScriptExecutionDisabled", value=False)


class Scanner(Page):
    """Mail gateways and the like: they run scripts, press buttons, submit forms, follow addresses."""

    def test_scanner_binds_nothing(self):
        for verifier in ({}, {"Mailbox_Claim_Verifier": base64.urlsafe_b64encode(
                b"\x01" * 32).decode().rstrip("=")}):
            url, alice = world.offer("Front door", "d", "https://img.example/a.png", **verifier)
            before = self.rows()
            link = url + "#" + SECRETS[0]
            self.go(link)
            self.scan(url, alice.path, bool(verifier))
            # It was pressed, and the wallet is who hears of it.
            until(lambda: "tigress:" + link in self.browser.opened(1), "the wallet is opened")
            self.assertEqual(self.rows(), before)
            answer = alice.read()
            self.assertEqual((answer.status, answer.headers["ETag"]), (200, '"1"'))
            if not verifier:
                self.assertEqual(alice.peer().read().status, 200)
                self.assertEqual(alice.peer().read().status, 401)
                self.assertNotEqual(self.rows(), before)

    def rows(self):
        """Every row of the store, as somebody else reads it."""
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % os.path.join(
                world.relay.state, "relay.db"), uri=True)) as store:
            tables = [row[0] for row in store.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
            self.assertGreater(len(tables), 0)
            return [(table, sorted(map(repr, store.execute('SELECT * FROM "%s"' % table))))
                    for table in tables]

    def scan(self, url, path, is_proof_needed):
        for _ in range(2):
            for element in self.browser.find_all("button, a, input, summary, [onclick], [role]"):
                self.browser.click(element)
            self.browser.run(OUTSIDE)
            self.browser.events()
        self.assertEqual(self.browser.run("return document.forms.length"), 0)
        tags = Tags(messenger(url).body)
        self.assertEqual([name for _, names in tags.tags for name in names
                          if name in ("href", "src", "action", "formaction", "ping")], [])
        scanner = Device(world.relay, path=path)
        for method in ("GET", "HEAD", "OPTIONS"):
            self.assertIn(scanner.ask(method, claim=False).status, (200, 405))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(scanner.ask("POST", claim=False).status, 401)
        self.assertEqual(scanner.ask("POST", claim=False, body="open=1", headers=form).status, 415)
        if is_proof_needed:  # also by one who knows the protocol, without the fragment
            self.assertEqual(scanner.read().status, 401)
            self.assertEqual(scanner.read(Mailbox_Claim_Proof="A" * 43).status, 401)


def take_picture(browser, name):
    os.makedirs(PICTURES, exist_ok=True)
    browser.picture(os.path.join(PICTURES, "preview-%s.png" % name))


class Everybody(Page):
    """Text sizes, colours, keyboards; at the narrowest, and with the longest words."""

    LOOKS = [("light", 1000, 16), ("dark", 1000, 16), ("light", 360, 16), ("dark", 360, 32)]

    def test_all_can_read_it(self):
        self.sizes = {}
        hard, _ = world.offer("W" * 256, "ü" * 512)
        right_to_left, _ = world.offer("مفتاح الباب الأمامي", "لعطلة نهاية الأسبوع")
        fair, _ = world.offer("Front door, Rosenweg 12",
                              "For the weekend. The upper lock is stiff: pull the door towards you.")
        for language in LANGUAGES:
            self.browser.speak(language)
            for url in (hard, right_to_left, fair) if language == "en" else (fair,):
                self.sizes.clear()
                self.go(url)
                for scheme, width, font in self.LOOKS:
                    with self.subTest(language, scheme=scheme, width=width, font=font, url=url):
                        self.look(scheme, width, font)
                        if url == fair and (language == "en" or width == 360):
                            self.keep_picture(language, scheme, width, font)
                if url in (hard, right_to_left):
                    self.keep_picture("long" if url == hard else "right-to-left", "light", 360, 16)
                self.browser.show(1000)
                self.quiet()

    def look(self, scheme, width, font):
        self.browser.show(width, scheme=scheme, font=font)
        self.assertEqual(self.browser.run(
            "return getComputedStyle(document.documentElement).fontSize"), "%dpx" % font)
        self.assertLessEqual(
            self.browser.run("return document.documentElement.scrollWidth"), width)
        self.assertEqual(self.browser.run(
            "return [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect()"
            ".right > innerWidth || e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
            ".map(e => e.outerHTML.slice(0, 80))"), [])
        contrasts = self.browser.run(CONTRASTS)
        self.assertGreater(len(contrasts), 15)
        for text, ratio, _ in contrasts:
            self.assertGreaterEqual(ratio, 4.5, text)
        # Who asks for text twice as large gets it, all of it.
        sizes = [(text, size / font) for text, _, size in contrasts]
        self.assertGreater(min(size for _, size in sizes), 0.8)
        self.assertEqual(sizes, self.sizes.setdefault((self.browser.url(), width), sizes))
        is_dark = self.browser.run("return getComputedStyle(document.body).backgroundColor")
        shade = sum(map(int, is_dark.strip("rgb()").split(","))) / 3
        self.assertEqual(shade < 128, scheme == "dark", is_dark)

    def keep_picture(self, language, scheme, width, font):
        self.browser.show(width, 1, scheme, font)
        height = self.browser.run("return document.documentElement.scrollHeight")
        self.browser.show(width, height, scheme, font)
        take_picture(self.browser, "%s-%s-%d-%dpx" % (language, scheme, width, font))

    def test_programs_that_read_aloud_find_their_way(self):
        url, _ = world.offer("Front door", "For the weekend")
        self.go(url)
        self.assertEqual(self.browser.run(
            "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => e.tagName)"),
            ["H1", "H2"])
        self.assertEqual(self.browser.run("return document.querySelectorAll('main').length"), 1)
        # The sender's words are in no known language.
        self.assertEqual(self.browser.run(
            "return [...document.querySelectorAll('h1,.said')].map(e => e.lang + e.dir)"),
            ["auto", "auto"])
        nodes = self.browser.cdp("Accessibility.getFullAXTree")["nodes"]
        spoken = [(n["role"]["value"], n["name"]["value"]) for n in nodes
                  if not n["ignored"] and n["role"]["value"] in ("heading", "button", "image")]
        self.assertEqual(spoken, [("heading", "Front door"), ("button", LANGUAGES["en"]),
                                  ("heading", "By hand")])

    def test_keyboard_shows_where_it_is(self):
        url, _ = world.offer("Front door")
        for scheme in ("light", "dark"):
            self.browser.show(1000, scheme=scheme)
            self.go(url)
            self.browser.press(TAB)
            ring = self.browser.run(
                "const e = document.activeElement, s = getComputedStyle(e), c = getComputedStyle("
                "document.querySelector('main'));"
                "return [e.id, s.outlineStyle, parseFloat(s.outlineWidth), s.outlineColor,"
                " s.backgroundColor, c.backgroundColor, e.getBoundingClientRect().height]")
            self.assertEqual(ring[:2], ["open", "solid"])
            self.assertGreaterEqual(ring[2], 2)
            self.assertGreaterEqual(ring[6], 44)
            for colour in ring[3:5]:
                self.assertGreaterEqual(contrast(colour, ring[5]), 3)
            take_picture(self.browser, "focus-" + scheme)


def contrast(one, other):
    """WCAG 2.2, of colours as getComputedStyle() writes them."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
        red, green, blue = [
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


if __name__ == "__main__":
    need_browser()
    unittest.main(verbosity=2, warnings="ignore")
