/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Flushes of files: counted, and not made. */

#include <glib.h>

extern guint n_flushes;
