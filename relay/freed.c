/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever is freed is overwritten, by whichever library it was allocated: requests, answers,
 * pages of the store, records of TLS. glibc's own way to that (mallopt(), M_PERTURB) leaves out
 * what it keeps for the next allocation of a thread, the blocks of up to a kilobyte, which is
 * where claims and addresses are. So free() and realloc() of the process are these; glibc finds
 * what stands in the program first ("Replacing malloc" in its manual).
 *
 * Not with a sanitizer, which has an allocator of its own.
 */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

extern void __libc_free(void *memory);

EXPORTED void
free(void *memory)
{
        if (!memory)
                return;
        explicit_bzero(memory, malloc_usable_size(memory));
        __libc_free(memory);
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
