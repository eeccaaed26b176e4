/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the benches of the wallet have in common: people as child processes, and calls to
 * their wallets. A failure ends the bench with a sentence. */

#include <glib.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#define WALLET "org.tigress.Wallet1"
#define MANAGER "/org/tigress/Wallet1"
#define CONTENT_BYTES 2048
#define ECHO "org.tigress.Bench.Echo"
#define LONG_US (600 * G_USEC_PER_SEC)

typedef struct {
        pid_t pid;
        int fd;
} Child;

void check(int r, const char *what);
void check_call(int r, const sd_bus_error *error, const char *what);
double median(double *values, guint n);
void become(const char *name);
sd_bus *open_bus(void);
Child spawn(const char *user, void (*run)(int fd));
void say(int fd, const char *text);
char *hear(int fd);
void dismiss(Child child);
/* @mode: t1 (a link for other wallets), t2 or t2-pin. */
char *create_share(sd_bus *bus, const char *mode, gboolean is_expected);
void provide_pin(sd_bus *bus, const char *path, const char *pin);
/* The answer of a method of a share that takes nothing and gives a string. */
char *ask_share(sd_bus *bus, const char *path, const char *method);
char *accept_link(sd_bus *bus, const char *link);
void wait_for_state(sd_bus *bus, const char *path, const char *wanted);
sd_bus *open_watching(void);
