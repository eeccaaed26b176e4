/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "protocol/error.h"
#include "relay/options.h"
#include "relay/service.h"

/* ---- the process ---- */

/* What it holds in memory is not for a core file, what it writes is not for
 * others, and a disk that is full must be an error, not a signal. */
static void
harden(void)
{
        struct rlimit none = {0, 0};

        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        umask(0077);
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
}

static int
block_signals(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);

        return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static gboolean
start(int argc, char **argv, GError **error)
{
        g_auto(TgOptions) options = {0};

        if (!tg_options_parse(&options, &argc, &argv, error))
                return FALSE;
        if (options.is_version) {
                printf("tigress-relay %s\n", PACKAGE_VERSION);
                return TRUE;
        }
        if (options.is_check)
                return tg_service_check(&options.settings, error);

        return tg_service_run(&options.settings, block_signals(), error);
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        harden();
        setlocale(LC_ALL, "");
        g_log_writer_default_set_use_stderr(TRUE);
        g_set_prgname("tigress-relay");
        if (start(argc, argv, &error))
                return EXIT_SUCCESS;
        fprintf(stderr, "tigress-relay: error: %s\n", error->message);

        return tg_error_exit_status(tg_error_code(error));
}
