/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * consent-agent: somebody who answers polkit's dialog, without a screen.
 *
 *   consent-agent MODE -- COMMAND…     runs COMMAND and answers for it
 *   consent-agent --process PID MODE   answers for PID until it is ended
 *
 *   pass:PASSWORD   gives PASSWORD to polkit's own helper, which asks PAM
 *   file:PATH       the same, once PATH is there, with the password in it
 *   cancel          dismisses the dialog
 *   hang            never answers
 *   none            closes the dialog without having proved anything
 *
 * An agent answers for one process, not for its children. Each question is a
 * line on stderr: "consent-agent: asked ACTION: SENTENCE"; what became of it
 * another. Root may answer for anybody's process, and then needs no setuid helper.
 */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define HELPER "/usr/lib/polkit-1/polkit-agent-helper-1"
#define AUTHORITY "org.freedesktop.PolicyKit1"
#define AUTHORITY_PATH "/org/freedesktop/PolicyKit1/Authority"
#define AUTHORITY_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define CANCELLED "org.freedesktop.PolicyKit1.Error.Cancelled"
#define AGENT_PATH "/org/tigress/ConsentAgent"
#define AGENT_INTERFACE "org.freedesktop.PolicyKit1.AuthenticationAgent"

/* How often a file that the answer waits for is looked for. */
#define LOOK_AGAIN_US (20 * G_TIME_SPAN_MILLISECOND)

typedef struct {
        const char *mode;
        sd_bus_message *question; /* one that is not answered yet */
        char *cookie;
        char *user;
} Agent;

/* polkitd hears from the helper, which is root, whether the password was right. */
static gboolean
password_is_right(const char *user, const char *cookie, const char *password)
{
        gboolean is_right = FALSE;
        char line[1024];
        int in[2], out[2];
        FILE *said;
        pid_t pid;

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
                return FALSE;
        pid = fork();
        if (pid == 0) {
                dup2(in[0], STDIN_FILENO);
                dup2(out[1], STDOUT_FILENO);
                execl(HELPER, HELPER, user, NULL);
                _exit(127);
        }
        close(in[0]);
        close(out[1]);
        dprintf(in[1], "%s\n", cookie);
        said = fdopen(out[0], "r");
        while (!is_right && fgets(line, sizeof line, said) != NULL) {
                if (g_str_has_prefix(line, "PAM_PROMPT_ECHO_"))
                        dprintf(in[1], "%s\n", password);
                else if (g_str_has_prefix(line, "SUCCESS"))
                        is_right = TRUE;
                else if (g_str_has_prefix(line, "FAILURE"))
                        break;
        }
        fclose(said);
        close(in[1]);
        waitpid(pid, NULL, 0);
        return is_right;
}

static void
answer(Agent *agent, const char *error_name, const char *outcome)
{
        fprintf(stderr, "consent-agent: %s\n", outcome);
        if (error_name != NULL)
                sd_bus_reply_method_errorf(agent->question, error_name, "%s", outcome);
        else
                sd_bus_reply_method_return(agent->question, NULL);
        agent->question = sd_bus_message_unref(agent->question);
        g_clear_pointer(&agent->cookie, g_free);
        g_clear_pointer(&agent->user, g_free);
}

static void
try_password(Agent *agent, const char *password)
{
        gboolean is_right = password_is_right(agent->user, agent->cookie, password);

        answer(agent, NULL, is_right ? "agreed" : "wrong password");
}

static gboolean
has_come(const char *path)
{
        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What can be answered now is. */
static void
look(Agent *agent)
{
        g_autofree char *password = NULL;
        const char *path;

        if (agent->question == NULL)
                return;
        if (g_str_has_prefix(agent->mode, "pass:")) {
                try_password(agent, agent->mode + strlen("pass:"));
        } else if (g_str_has_prefix(agent->mode, "file:")) {
                path = agent->mode + strlen("file:");
                if (has_come(path) && g_file_get_contents(path, &password, NULL, NULL))
                        try_password(agent, g_strchomp(password));
        } else if (g_str_equal(agent->mode, "cancel")) {
                answer(agent, CANCELLED, "dismissed");
        } else if (g_str_equal(agent->mode, "none")) {
                answer(agent, NULL, "closed");
        }
}

/* The name of the first of the users who may answer. */
static int
read_identity(sd_bus_message *m, char **ret_user)
{
        const char *kind, *key;
        guint32 uid = 0;
        struct passwd *entry;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");
        if (r > 0)
                r = sd_bus_message_enter_container(m, 'r', "sa{sv}");
        if (r > 0)
                r = sd_bus_message_read(m, "s", &kind);
        if (r > 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r > 0 && g_str_equal(key, "uid"))
                        r = sd_bus_message_read(m, "v", "u", &uid);
                else if (r > 0)
                        r = sd_bus_message_skip(m, "v");
                sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        entry = getpwuid(uid);
        if (entry == NULL)
                return -ESRCH;
        *ret_user = g_strdup(entry->pw_name);
        return 0;
}

static int
on_begin(sd_bus_message *m, void *user_data, sd_bus_error *error)
{
        Agent *agent = user_data;
        const char *action, *sentence, *icon, *cookie;
        int r;

        if (agent->question != NULL)
                return sd_bus_error_set(error, CANCELLED, "one question at a time");
        r = sd_bus_message_read(m, "sss", &action, &sentence, &icon);
        if (r >= 0)
                r = sd_bus_message_skip(m, "a{ss}");
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &cookie);
        if (r >= 0)
                r = read_identity(m, &agent->user);
        if (r < 0)
                return r;
        agent->cookie = g_strdup(cookie);
        agent->question = sd_bus_message_ref(m);
        fprintf(stderr, "consent-agent: asked %s: %s\n", action, sentence);
        look(agent);
        return 1;
}

static int
on_cancel(sd_bus_message *m, void *user_data, sd_bus_error *error)
{
        Agent *agent = user_data;

        if (agent->question != NULL)
                answer(agent, CANCELLED, "no longer asked");
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("BeginAuthentication",
                      "sssa{ss}sa(sa{sv})",
                      "",
                      on_begin,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelAuthentication", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int
register_agent(Agent *agent, sd_bus *bus, pid_t pid, sd_bus_error *error)
{
        int r;

        r = sd_bus_add_object_vtable(bus, NULL, AGENT_PATH, AGENT_INTERFACE, agent_vtable, agent);
        if (r < 0)
                return r;
        /* Start time 0: polkitd looks it up; the process is ours or our caller's. */
        return sd_bus_call_method(bus,
                                  AUTHORITY,
                                  AUTHORITY_PATH,
                                  AUTHORITY_INTERFACE,
                                  "RegisterAuthenticationAgent",
                                  error,
                                  NULL,
                                  "(sa{sv})ss",
                                  "unix-process",
                                  2,
                                  "pid",
                                  "u",
                                  (guint32)pid,
                                  "start-time",
                                  "t",
                                  (guint64)0,
                                  "C.UTF-8",
                                  AGENT_PATH);
}

/* Answers for @pid; writes to @ready_fd as soon as it can. Never returns while
 * the bus lives. */
static int
serve(Agent *agent, pid_t pid, int ready_fd)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = register_agent(agent, bus, pid, &error);
        if (r < 0) {
                fprintf(stderr,
                        "consent-agent: cannot register: %s\n",
                        error.message != NULL ? error.message : g_strerror(-r));
                return 1;
        }
        dprintf(ready_fd, "ready\n");
        close(ready_fd);
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, agent->question != NULL ? LOOK_AGAIN_US : UINT64_MAX);
                look(agent);
        }
        return 1;
}

/* The process that was started becomes COMMAND, so that whoever started it can
 * wait for it and end it; the agent is its child and goes with it. */
static int
serve_command(Agent *agent, char **command)
{
        int ready[2], nothing;
        char buffer[16];
        pid_t pid = getpid();

        if (pipe2(ready, O_CLOEXEC) < 0)
                return 1;
        switch (fork()) {
        case -1:
                return 1;
        case 0:
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                if (getppid() != pid)
                        return 1;
                nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
                dup2(nothing, STDIN_FILENO);
                dup2(nothing, STDOUT_FILENO);
                close(ready[0]);
                return serve(agent, pid, ready[1]);
        default:
                close(ready[1]);
                if (read(ready[0], buffer, sizeof buffer) <= 0)
                        return 1;
                execvp(command[0], command);
                fprintf(stderr, "consent-agent: %s: %s\n", command[0], g_strerror(errno));
                return 127;
        }
}

int
main(int argc, char **argv)
{
        Agent agent = {0};

        if (argc == 4 && g_str_equal(argv[1], "--process")) {
                agent.mode = argv[3];
                return serve(&agent, (pid_t)atoi(argv[2]), STDOUT_FILENO);
        }
        if (argc >= 4 && g_str_equal(argv[2], "--")) {
                agent.mode = argv[1];
                return serve_command(&agent, argv + 3);
        }
        fprintf(stderr, "usage: consent-agent MODE -- COMMAND… | --process PID MODE\n");
        return 2;
}
