/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was dealt with and is over stands in memory until something else comes to lie there: on
 * the part of the stack that is free again, and behind the end of arrays. (What is on the heap
 * is overwritten when it is freed: freed.c.)
 */

#include <glib.h>

/* Overwrites what earlier calls have left on the stack of this thread, and in its registers. */
void tg_wipe_stack(void);

/* Overwrites what was freed and is kept for the next allocation. To be called by a loop each time
 * that it is about to rest; who never calls it has nothing kept. */
void tg_wipe_freed(void);

/* Overwrites what is in @array, and empties it. @array must not be one that clears its elements. */
void tg_wipe_array(GArray *array);
