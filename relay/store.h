/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the relay keeps its mailboxes. The store knows rows, times and
 * durability; it does not know HTTP, rights, or what a claim may do.
 *
 * Atomicity. A batch is what happens between tg_store_begin() and
 * tg_store_commit(). All of it happens or none, and nobody else's change comes
 * in between: what was loaded within a batch is still so when it commits. So of
 * any number of racing claims exactly one is bound, and of two requests with one
 * id the second sees the first. TRUE from tg_store_commit() means durable: it
 * outlives kill -9 and, as far as the disk keeps its word, a loss of power.
 * FALSE from anything means that nothing of the batch has happened; the caller
 * rolls back and may run the same requests again. A store that is shared by
 * several processes reports a lost race so, too.
 *
 * A handle is used by one thread. Writing handles are made by a store's own
 * constructor; tg_store_reader() gives a second one that only reads and sees
 * whatever has been committed.
 *
 * Every function that fails sets TG_ERROR_UNREACHABLE: the store is in doubt,
 * later may help. "Not there" is an answer, not a failure.
 */

#include <glib.h>

#include "protocol/digest.h"
#include "protocol/mailbox.h"
#include "relay/resource.h"

#define TG_DIGEST_BYTES 32
#define TG_ID_BYTES 16

typedef enum { TG_SIDE_INITIATOR, TG_SIDE_RECIPIENT, TG_SIDE_NOBODY } TgSide;
#define TG_N_SIDES 2

/* The word that the two claims of an ended mailbox may hear. Stored: keep the numbers. */
typedef enum {
        TG_END_NONE = 0,
        TG_END_CANCELLED = 1, /* the initiator deleted it */
        TG_END_COMPLETED = 2, /* the recipient did */
        TG_END_EXPIRED = 3,
} TgEnd;

typedef struct {
        guint8 claim[TG_DIGEST_BYTES];    /* zeros: nobody is bound */
        guint8 last_request[TG_ID_BYTES]; /* the last one that succeeded, zeros at first */
        guint last_operation;             /* what that was */
} TgParty;

/* A mailbox without what it holds. */
typedef struct {
        gint64 row; /* the store's own */
        guint8 id[TG_ID_BYTES];
        gint64 expires_s;
        TgRights rights;
        guint64 version;              /* of the payload, from 1 */
        TgSide writer;                /* of the payload */
        guint8 creation[TG_ID_BYTES]; /* digest of the claim and id of the request that made it */
        gboolean has_verifier;
        guint8 verifier[TG_PROOF_BYTES];
        TgParty parties[TG_N_SIDES];
} TgMailbox;

typedef struct {
        char *payload; /* NULL when not asked for */
        TgDisplay display;
} TgContent;

static inline void
tg_content_clear(TgContent *content)
{
        g_clear_pointer(&content->payload, g_free);
        tg_display_clear(&content->display);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgContent, tg_content_clear)

/* What there is, whether its time is up or not. */
typedef struct {
        guint64 n_mailboxes;
        guint64 n_resources;
        guint64 n_bytes; /* that all of it takes */
} TgStoreSize;

/* What a create uses up besides: an attestation, which is good once. */
typedef struct {
        guint8 id[TG_DIGEST_BYTES];      /* what is kept; nothing can be told from it */
        guint8 spender[TG_DIGEST_BYTES]; /* never kept itself: see tg_store_spend() */
        gint64 expires_s;                /* from then on it is worth nothing anyhow */
} TgSpent;

typedef struct TgStore TgStore;

typedef struct {
        gboolean (*begin)(TgStore *self, GError **error);
        gboolean (*commit)(TgStore *self, GError **error);
        void (*rollback)(TgStore *self);

        gboolean (*load)(TgStore *self,
                         const guint8 id[TG_ID_BYTES],
                         gboolean *ret_found,
                         TgMailbox *ret_mailbox,
                         GError **error);
        gboolean (*load_creation)(TgStore *self,
                                  const guint8 creation[TG_ID_BYTES],
                                  gboolean is_to_be_made,
                                  gboolean *ret_found,
                                  TgMailbox *ret_mailbox,
                                  GError **error);
        gboolean (*load_content)(TgStore *self,
                                 gboolean with_payload,
                                 TgContent *ret_content,
                                 GError **error);
        void (*release)(TgStore *self);

        gboolean (*take_room)(TgStore *self, gsize n_bytes);        /* NULL: there always is */
        gboolean (*probe)(TgStore *self, GError **error);           /* NULL: it always would */
        void (*draw_id)(TgStore *self, guint8 ret_id[TG_ID_BYTES]); /* NULL: at random */
        gboolean (*spend)(TgStore *self,
                          const TgSpent *spent,
                          const guint8 id[TG_ID_BYTES],
                          gboolean *ret_is_first,
                          GError **error);
        gboolean (*insert)(TgStore *self,
                           TgMailbox *mailbox,
                           const TgDisplay *display,
                           const char *payload,
                           GError **error);
        gboolean (*save)(TgStore *self,
                         const TgMailbox *mailbox,
                         const char *payload,
                         GError **error);
        gboolean (*save_token)(TgStore *self,
                               const TgMailbox *mailbox,
                               TgSide side,
                               const TgToken *token,
                               GError **error);
        gboolean (*load_token)(TgStore *self,
                               const TgMailbox *mailbox,
                               TgSide side,
                               TgToken *ret_token,
                               GError **error);
        gboolean (*forget_token)(TgStore *self,
                                 const guint8 id[TG_ID_BYTES],
                                 TgSide side,
                                 const TgToken *token,
                                 GError **error);
        gboolean (*end)(TgStore *self,
                        const TgMailbox *mailbox,
                        TgEnd word,
                        gint64 at_s,
                        gboolean is_told,
                        GError **error);
        gboolean (*load_end)(TgStore *self,
                             const guint8 claim[TG_DIGEST_BYTES],
                             gint64 since_s,
                             TgEnd *ret_word,
                             GError **error);

        gboolean (*put_resource)(TgStore *self,
                                 const TgResource *resource,
                                 gint64 now_s,
                                 TgPut *ret_put,
                                 GError **error);
        gboolean (*get_resource)(TgStore *self,
                                 const guint8 id[TG_RESOURCE_ID_BYTES],
                                 const guint8 *claim,
                                 gint64 now_s,
                                 TgGet *ret_get,
                                 GBytes **ret_octets,
                                 GError **error);
        gboolean (*remove_resource)(TgStore *self,
                                    const guint8 id[TG_RESOURCE_ID_BYTES],
                                    const guint8 *claim,
                                    gint64 now_s,
                                    gboolean *ret_is_removed,
                                    GError **error);

        gboolean (*erase)(
                TgStore *self, gint64 now_s, gint64 told_s, gboolean *ret_is_done, GError **error);
        void (*maintain)(TgStore *self, gboolean is_sweep);
        void (*rest)(TgStore *self); /* or NULL */
        TgStore *(*reader)(TgStore *self, GError **error);
        gboolean (*measure)(TgStore *self, TgStoreSize *ret_size, GError **error); /* or NULL */
        void (*free)(TgStore *self);
} TgStoreClass;

struct TgStore {
        const TgStoreClass *class;
        gboolean is_writer;
        guint64 n_erased; /* by tg_store_erase(), since it was made */
};

/* Writing handles only; a reader has no batches. */
static inline gboolean
tg_store_begin(TgStore *self, GError **error)
{
        return self->class->begin(self, error);
}

static inline gboolean
tg_store_commit(TgStore *self, GError **error)
{
        return self->class->commit(self, error);
}

static inline void
tg_store_rollback(TgStore *self)
{
        self->class->rollback(self);
}

/* The mailbox @id, whether its time is up or not. What was found stays open for
 * tg_store_load_content() until the next load, change or tg_store_release():
 * one snapshot for both. */
static inline gboolean
tg_store_load(TgStore *self,
              const guint8 id[TG_ID_BYTES],
              gboolean *ret_found,
              TgMailbox *ret_mailbox,
              GError **error)
{
        return self->class->load(self, id, ret_found, ret_mailbox, error);
}

/* The same by TgMailbox.creation. @is_to_be_made: one that is not there will be made, and a store
 * may keep an id for it; else nothing at all is changed. */
static inline gboolean
tg_store_load_creation(TgStore *self,
                       const guint8 creation[TG_ID_BYTES],
                       gboolean is_to_be_made,
                       gboolean *ret_found,
                       TgMailbox *ret_mailbox,
                       GError **error)
{
        return self->class->load_creation(
                self, creation, is_to_be_made, ret_found, ret_mailbox, error);
}

static inline gboolean
tg_store_load_content(TgStore *self, gboolean with_payload, TgContent *ret_content, GError **error)
{
        return self->class->load_content(self, with_payload, ret_content, error);
}

static inline void
tg_store_release(TgStore *self)
{
        self->class->release(self);
}

#define TG_STORE_FULL "there is no room for anything new on the disk of the store"

/* Within a batch: whether there is room for something new of @n_bytes, which is then taken. A store
 * refuses while it can still do all else, for what is there must always be removable. */
static inline gboolean
tg_store_take_room(TgStore *self, gsize n_bytes)
{
        return !self->class->take_room || self->class->take_room(self, n_bytes);
}

/* Within a batch: a change that changes nothing, but is made durable as any. FALSE also when
 * there is no room for anything new. */
static inline gboolean
tg_store_probe(TgStore *self, GError **error)
{
        return !self->class->probe || self->class->probe(self, error);
}

/* For a mailbox that is to be made: random, unless the store has kept one for this request. */
static inline void
tg_store_draw_id(TgStore *self, guint8 ret_id[TG_ID_BYTES])
{
        if (self->class->draw_id)
                self->class->draw_id(self, ret_id);
        else
                tg_random_uuid(ret_id);
}

/* Uses @spent up for the mailbox @id, which is to be inserted in the same batch. Of any number of
 * mailboxes exactly one gets it, by whichever process, until @spent->expires_s. What is kept
 * stands by itself and tells of no mailbox; a store whose batches are more than one step binds the
 * two by a digest that only @spent->spender makes, so that a create that was cut off in between
 * can be repeated. */
static inline gboolean
tg_store_spend(TgStore *self,
               const TgSpent *spent,
               const guint8 id[TG_ID_BYTES],
               gboolean *ret_is_first,
               GError **error)
{
        return self->class->spend(self, spent, id, ret_is_first, error);
}

/* Sets the row of @mailbox. */
static inline gboolean
tg_store_insert(TgStore *self,
                TgMailbox *mailbox,
                const TgDisplay *display,
                const char *payload,
                GError **error)
{
        return self->class->insert(self, mailbox, display, payload, error);
}

/* Version, writer and parties of a loaded mailbox; the payload unless NULL. */
static inline gboolean
tg_store_save(TgStore *self, const TgMailbox *mailbox, const char *payload, GError **error)
{
        return self->class->save(self, mailbox, payload, error);
}

/* @token NULL: forget it. */
static inline gboolean
tg_store_save_token(
        TgStore *self, const TgMailbox *mailbox, TgSide side, const TgToken *token, GError **error)
{
        return self->class->save_token(self, mailbox, side, token, error);
}

/* Of a loaded mailbox; type NULL: there is none. */
static inline gboolean
tg_store_load_token(
        TgStore *self, const TgMailbox *mailbox, TgSide side, TgToken *ret_token, GError **error)
{
        return self->class->load_token(self, mailbox, side, ret_token, error);
}

/* If it still is @token, and if there still is a mailbox @id. */
static inline gboolean
tg_store_forget_token(TgStore *self,
                      const guint8 id[TG_ID_BYTES],
                      TgSide side,
                      const TgToken *token,
                      GError **error)
{
        return self->class->forget_token(self, id, side, token, error);
}

/* Removes a mailbox. @is_told: its bound claims may hear @word from now on. */
static inline gboolean
tg_store_end(TgStore *self,
             const TgMailbox *mailbox,
             TgEnd word,
             gint64 at_s,
             gboolean is_told,
             GError **error)
{
        return self->class->end(self, mailbox, word, at_s, is_told, error);
}

/* TG_END_NONE unless @claim was bound to a mailbox that ended after @since_s. */
static inline gboolean
tg_store_load_end(TgStore *self,
                  const guint8 claim[TG_DIGEST_BYTES],
                  gint64 since_s,
                  TgEnd *ret_word,
                  GError **error)
{
        return self->class->load_end(self, claim, since_s, ret_word, error);
}

/* Makes @resource where there is none, or one whose time is up. */
static inline gboolean
tg_store_put_resource(
        TgStore *self, const TgResource *resource, gint64 now_s, TgPut *ret_put, GError **error)
{
        return self->class->put_resource(self, resource, now_s, ret_put, error);
}

/* The octets at @id for the digest @claim (NULL: none was shown), which locks them if nobody's
 * did before. Of any number at once exactly one is the first. */
static inline gboolean
tg_store_get_resource(TgStore *self,
                      const guint8 id[TG_RESOURCE_ID_BYTES],
                      const guint8 *claim,
                      gint64 now_s,
                      TgGet *ret_get,
                      GBytes **ret_octets,
                      GError **error)
{
        return self->class->get_resource(self, id, claim, now_s, ret_get, ret_octets, error);
}

/* Nothing is kept of it, not even that there was one. */
static inline gboolean
tg_store_remove_resource(TgStore *self,
                         const guint8 id[TG_RESOURCE_ID_BYTES],
                         const guint8 *claim,
                         gint64 now_s,
                         gboolean *ret_is_removed,
                         GError **error)
{
        return self->class->remove_resource(self, id, claim, now_s, ret_is_removed, error);
}

/* Removes some of the mailboxes, resources and spent attestations whose time is up and of the words
 * older than
 * @told_s seconds; *ret_is_done when none are left. */
static inline gboolean
tg_store_erase(TgStore *self, gint64 now_s, gint64 told_s, gboolean *ret_is_done, GError **error)
{
        return self->class->erase(self, now_s, told_s, ret_is_done, error);
}

/* Between batches: whatever the store does for its own upkeep. @is_sweep: what
 * has been removed or replaced so far is now also erased from wherever the store
 * keeps older states. */
static inline void
tg_store_maintain(TgStore *self, gboolean is_sweep)
{
        self->class->maintain(self, is_sweep);
}

/* Nothing is being read now: what is kept in memory for the next time is given up, for it may be
 * of something that has gone. */
static inline void
tg_store_rest(TgStore *self)
{
        if (self->class->rest)
                self->class->rest(self);
}

/* NULL without @error set: this store cannot be read beside its writer. */
static inline TgStore *
tg_store_reader(TgStore *self, GError **error)
{
        return self->class->reader(self, error);
}

/* FALSE without @error set: this store does not know. May take its time: not for the loop. */
static inline gboolean
tg_store_measure(TgStore *self, TgStoreSize *ret_size, GError **error)
{
        return self->class->measure && self->class->measure(self, ret_size, error);
}

/* Readers first. */
static inline void
tg_store_free(TgStore *self)
{
        if (self)
                self->class->free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgStore, tg_store_free)

/* SQLite at @path, made when absent; ":memory:" for tests. At most @max_bytes
 * large (0: no limit); beyond it is the same as a full disk. */
TgStore *tg_store_sqlite_open(const char *path, guint64 max_bytes, GError **error);
