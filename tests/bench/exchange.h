/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a whole exchange costs, beside its requests by bare libcurl. */

#include <glib.h>

void bench_exchange(guint n);
void bench_t2(guint n);
void bench_typed(guint n);
