/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tigress-askpass PROMPT - what OpenSSH runs when a token wants its PIN: gives the one that the
 * wallet has put into the pipe at its door, which goes by no argument, variable or file. A second
 * question finds the pipe empty and is refused, so that no wrong PIN is tried again.
 */

#include <string.h>
#include <unistd.h>

#define PROMPT "Enter PIN for "
#define MAX_PIN_BYTES 64

int
main(int argc, char **argv)
{
        char pin[MAX_PIN_BYTES];
        ssize_t n_bytes;
        int is_given;

        if (argc != 2 || strncmp(argv[1], PROMPT, strlen(PROMPT)) != 0)
                return 1;
        n_bytes = read(STDIN_FILENO, pin, sizeof pin);
        is_given = n_bytes > 0 && write(STDOUT_FILENO, pin, (size_t)n_bytes) == n_bytes;
        explicit_bzero(pin, sizeof pin);
        return is_given ? 0 : 1;
}
