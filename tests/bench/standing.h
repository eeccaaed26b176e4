/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a wallet costs that stands there: calls without work, lists, memory, idleness. */

#include <glib.h>

void bench_call(guint n);
void bench_objects(guint n);
void bench_memory(guint n);
void bench_idle(guint n, guint seconds);
