/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/wipe.h"

#include <string.h>

/* A TLS handshake goes deepest, to about half of it. */
#define STACK_BYTES (128 * 1024)

#if defined __has_attribute
#if __has_attribute(zero_call_used_regs)
#define ZERO_REGISTERS __attribute__((zero_call_used_regs("all")))
#endif
#endif
#ifndef ZERO_REGISTERS
#define ZERO_REGISTERS
#endif

/* Never part of its caller, whose frame would then be as large all the time. */
__attribute__((noinline)) ZERO_REGISTERS void
tg_wipe_stack(void)
{
        guint8 below[STACK_BYTES];

        explicit_bzero(below, sizeof below);
}

/* Where freed.c is not: with a sanitizer, and in tests of parts. */
__attribute__((weak)) void
tg_wipe_freed(void)
{
}

void
tg_wipe_array(GArray *array)
{
        if (array->len > 0)
                explicit_bzero(array->data, (gsize)array->len * g_array_get_element_size(array));
        g_array_set_size(array, 0);
}
