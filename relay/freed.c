/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever is freed is overwritten, by whichever library it was allocated: requests, answers,
 * pages of the store, records of TLS. glibc's own way to that (mallopt(), M_PERTURB) leaves out
 * what it keeps for the next allocation of a thread, the blocks of up to a kilobyte, which is
 * where claims and addresses are. So free() and realloc() of the process are these; glibc finds
 * what stands in the program first ("Replacing malloc" in its manual).
 *
 * TLS takes and frees 17 KB twice for each record, however little is in it. So a loop that says
 * when it rests (tg_wipe_freed()) has its large blocks overwritten then; until then the next who
 * asks for as much gets one as it is.
 *
 * Not with a sanitizer, which has an allocator of its own.
 */

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relay/wipe.h"

#define EXPORTED __attribute__((visibility("default")))
#define LARGE_BYTES 8192
#define MAX_LARGE_BYTES 65536
#define MAX_KEPT 4

extern void __libc_free(void *memory);
extern void *__libc_malloc(size_t n_bytes);

/* Freed, and not overwritten yet. */
typedef struct {
        void *memory;
        size_t n_bytes;
} Kept;

static __thread Kept kept[MAX_KEPT];
static __thread unsigned int n_kept;
static __thread bool is_resting_said;

static void
let_go(void *memory, size_t n_bytes)
{
        explicit_bzero(memory, n_bytes);
        __libc_free(memory);
}

void
tg_wipe_freed(void)
{
        is_resting_said = true;
        while (n_kept > 0) {
                Kept *last = &kept[--n_kept];

                let_go(last->memory, last->n_bytes);
                *last = (Kept){0};
        }
}

EXPORTED void
free(void *memory)
{
        size_t n_bytes;

        if (!memory)
                return;
        n_bytes = malloc_usable_size(memory);
        if (n_bytes >= LARGE_BYTES && n_bytes <= MAX_LARGE_BYTES && n_kept < MAX_KEPT &&
            is_resting_said)
                kept[n_kept++] = (Kept){memory, n_bytes};
        else
                let_go(memory, n_bytes);
}

EXPORTED void *
malloc(size_t n_bytes)
{
        for (unsigned int i = 0; i < n_kept && n_bytes >= LARGE_BYTES; i++) {
                void *memory = kept[i].memory;

                if (kept[i].n_bytes < n_bytes || kept[i].n_bytes / 2 > n_bytes)
                        continue;
                kept[i] = kept[--n_kept];

                return memory;
        }

        return __libc_malloc(n_bytes);
}

/* glibc's would leave what it moves, and the end of what it makes smaller. */
EXPORTED void *
realloc(void *memory, size_t n_bytes)
{
        size_t n_before = memory ? malloc_usable_size(memory) : 0;
        void *larger;

        if (!memory)
                return malloc(n_bytes);
        if (n_bytes == 0) {
                free(memory);
                return NULL;
        }
        if (n_bytes <= n_before && n_bytes > n_before / 2)
                return memory;
        larger = malloc(n_bytes);
        if (!larger)
                return NULL;
        memcpy(larger, memory, n_bytes < n_before ? n_bytes : n_before);
        free(memory);

        return larger;
}
