/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A session bus of its own (a real dbus-daemon) in a clean world: new HOME and XDG
 * directories, no other bus in the environment, everything gone at the end. And what
 * tests on a loop need: waiting for something with one generous deadline, and other
 * processes.
 */

#include <glib.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "daemon/bus-source.h"

/* g_test_init(), the clean environment, the secure heap. Call it first in main(). */
void test_init(int *argc, char ***argv);
/* Runs the tests and removes what test_init() made. */
int test_run(void);
/* A new, empty directory, removed at the end. */
char *test_directory(void);

typedef struct {
        char *address;
        GPid pid;
} TestBus;

TestBus *test_bus_new(void);
/* With a configuration that has it listen somewhere in @directory, where it is put. */
TestBus *test_bus_new_configured(const char *directory, const char *configuration);
/* It dies at once, as in a crash. */
void test_bus_kill(TestBus *self);
void test_bus_free(TestBus *self);

/* A connection that the loop does not know: for blocking calls. */
sd_bus *test_bus_connect(TestBus *self);

/* A connection on the loop. */
typedef struct {
        sd_bus *bus;
        GSource *source;
        const char *name; /* unique name */
        guint n_closed;   /* how often the source said that the bus is gone */
        int closed_r;
} TestPeer;

TestPeer *test_peer_new(TestBus *bus);
void test_peer_free(TestPeer *self);

/* Where services of tests have an object. */
#define TEST_PATH "/org/tigress/Test"
#define TEST_INTERFACE "org.tigress.Test"

/* A call of its method Do that wants no reply. */
void test_peer_send(TestPeer *self, sd_bus *from);

/* Runs the loop until @flag is set, or fails. */
void test_wait(const gboolean *flag);
/* The same until *@count is at least @n. */
void test_wait_count(const guint *count, guint n);
/* Runs what is ready, without waiting. */
void test_settle(void);
/* Runs the loop for a second. */
void test_wait_a_second(void);
/* Counts from now on how often the loop waits; the end tells. */
void test_begin_polls(void);
guint test_end_polls(void);

/* A process of its own that runs @func and ends. Both sides have one end of a
 * socket; test_say() and test_hear() pass single octets through it. It ends with us. */
typedef struct {
        pid_t pid;
        int fd;
} TestChild;

TestChild test_fork(void (*func)(int fd, gpointer data), gpointer data);
void test_say(int fd, char octet);
char test_hear(int fd);
/* Waits for its end; it must have ended well. */
void test_child_join(TestChild *child);
void test_child_kill(TestChild *child);
/* What a child calls before anything else, to end with us: a GSpawnChildSetupFunc. */
void test_die_with_parent(gpointer unused);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestBus, test_bus_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestPeer, test_peer_free)
