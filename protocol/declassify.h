/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Says at which point something made of secrets stops being one: a share or a sealed text that is
 * sent, a verdict that is told. A no-op, but for the test that runs this library under valgrind
 * with the secrets marked as undefined: there everything else that depends on one is a finding.
 */

#include <glib.h>

#ifdef TG_SECRETS_UNDEFINED
#include <valgrind/memcheck.h>
#endif

static inline void
tg_declassify(const void *bytes, gsize n_bytes)
{
#ifdef TG_SECRETS_UNDEFINED
        (void)VALGRIND_MAKE_MEM_DEFINED(bytes, n_bytes);
#else
        (void)bytes;
        (void)n_bytes;
#endif
}
