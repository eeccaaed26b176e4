/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/secret-output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/secret-input.h"
#include "protocol/error.h"

int
tg_secret_output_open(const char *file, const char *what, GError **error)
{
        int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

        if (fd < 0 && errno == EEXIST)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the %s file is there already\nname one that is not",
                             what);
        else if (fd < 0)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "cannot make the %s file: %s",
                             what,
                             tg_output_reason(errno));

        return fd;
}

gboolean
tg_secret_output_write(int fd, const TgSecret *secret, const char *what, GError **error)
{
        if (!tg_secret_input_write(fd, secret, error))
                return FALSE;
        if (fsync(fd) == 0)
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot write the %s file: %s",
                     what,
                     tg_output_reason(errno));
        return FALSE;
}
