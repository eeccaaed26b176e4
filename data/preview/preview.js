// SPDX-License-Identifier: LGPL-2.1-or-later
// On a click only, for link scanners run scripts; and to the wallet alone. A listener, not an
// onclick attribute: those no hash allows.
document.getElementById('open').addEventListener('click', function () {
  location.href = 'tigress:' + location.href
})
