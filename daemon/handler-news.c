/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/handler-news.h"

#include "dbus/names.h"
#include "protocol/error.h"

#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
/* Questions to the bus whose answers are awaited: it answers at once, and who floods waits. */
#define MAX_QUESTIONS 64

struct TgHandlerNews {
        sd_bus *bus;
        TgHandlers *handlers;
        TgManager *manager;
        sd_bus_slot *match;
        GHashTable *questions; /* of Question */
};

typedef struct {
        TgHandlerNews *news;
        sd_bus_slot *slot;
        char *share_id;
        char *format;
        char *sender; /* a unique name */
} Question;

static void
free_question(gpointer data)
{
        Question *self = data;

        sd_bus_slot_unref(self->slot);
        g_free(self->share_id);
        g_free(self->format);
        g_free(self->sender);
        g_free(self);
}

static TgCredential *
find(const TgHandlerNews *self, const char *share_id)
{
        TgCredential *credential = tg_manager_find_came_by(self->manager, share_id);

        return credential != NULL && !credential->is_revoked ? credential : NULL;
}

static void
take(TgHandlerNews *self, const Question *question)
{
        TgCredential *credential = find(self, question->share_id);
        g_autoptr(GError) error = NULL;

        if (credential == NULL || !g_str_equal(credential->format, question->format))
                return;
        if (!tg_manager_set_revoked(self->manager, credential, &error))
                g_warning("that a credential was revoked cannot be stored: %s", error->message);
}

static int
on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Question *question = userdata;
        TgHandlerNews *self = question->news;
        const char *owner;

        if (!sd_bus_message_is_method_error(reply, NULL) &&
            sd_bus_message_read(reply, "s", &owner) > 0 && g_str_equal(owner, question->sender))
                take(self, question);
        else
                g_info("a word of a handler came from another program: it is not believed");
        g_hash_table_remove(self->questions, question);
        return 1;
}

/* Signals can be sent to one connection past the bus's own rules, so who sent this one is not
 * left to a match. */
static void
ask_owner(TgHandlerNews *self, const TgVerticalFile *file, const char *share_id, const char *sender)
{
        Question *question = g_new0(Question, 1);

        question->news = self;
        question->share_id = g_strdup(share_id);
        question->format = g_strdup(file->format);
        question->sender = g_strdup(sender);
        if (sd_bus_call_method_async(self->bus,
                                     &question->slot,
                                     BUS,
                                     BUS_PATH,
                                     BUS,
                                     "GetNameOwner",
                                     on_owner,
                                     question,
                                     "s",
                                     file->bus_name) < 0)
                free_question(question);
        else
                g_hash_table_add(self->questions, question);
}

static int
on_revoked(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error)
{
        TgHandlerNews *self = userdata;
        const char *sender = sd_bus_message_get_sender(signal);
        const TgCredential *credential;
        const TgVerticalFile *file;
        const char *share_id;

        if (sender == NULL || !sd_bus_message_has_signature(signal, "s") ||
            sd_bus_message_read(signal, "s", &share_id) < 0 ||
            g_hash_table_size(self->questions) >= MAX_QUESTIONS)
                return 0;
        credential = find(self, share_id);
        file = credential != NULL ? tg_handlers_find(self->handlers, credential->format) : NULL;
        if (file != NULL && g_strcmp0(sd_bus_message_get_path(signal), file->object_path) == 0)
                ask_owner(self, file, share_id, sender);
        return 0;
}

TgHandlerNews *
tg_handler_news_new(sd_bus *bus, TgHandlers *handlers, TgManager *manager, GError **error)
{
        TgHandlerNews *self = g_new0(TgHandlerNews, 1);
        int r;

        self->bus = bus;
        self->handlers = handlers;
        self->manager = manager;
        self->questions = g_hash_table_new_full(NULL, NULL, free_question, NULL);
        r = sd_bus_match_signal_async(bus,
                                      &self->match,
                                      NULL,
                                      NULL,
                                      TG_VERTICAL_INTERFACE,
                                      "Revoked",
                                      on_revoked,
                                      NULL,
                                      self);
        if (r >= 0)
                return self;
        tg_set_error(error, TG_ERROR_FAILED, "cannot listen to the bus: %s", g_strerror(-r));
        tg_handler_news_free(self);
        return NULL;
}

void
tg_handler_news_free(TgHandlerNews *self)
{
        if (self == NULL)
                return;
        sd_bus_slot_unref(self->match);
        g_hash_table_unref(self->questions);
        g_free(self);
}
