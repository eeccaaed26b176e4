/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests of a share that runs: the initiator's create, the recipient's claim,
 * both sides' reading, and the recipient's way into the keyring. Each turns its
 * outcome into one event; the table decides.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/text.h"

#define KEY_BYTES 32
#define NEUTRAL_TITLE "Shared credential"

/* ---- small parts ---- */

TgHttpContext *
tg_share_context(TgShare *self)
{
        if (self->context == NULL)
                self->context = tg_http_context_new(self->wallet->http);
        return self->context;
}

static TgSecret *
draw_claim(GError **error)
{
        guint8 uuid[TG_UUID_BYTES];
        char text[TG_UUID_CHARS + 1];
        TgSecret *claim;

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, text);
        claim = tg_secret_new(text, TG_UUID_CHARS, error);
        tg_wipe(uuid, sizeof uuid);
        tg_wipe(text, sizeof text);

        return claim;
}

char *
tg_share_new_request_id(void)
{
        guint8 uuid[TG_UUID_BYTES];
        char text[TG_UUID_CHARS + 1];

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, text);

        return g_strdup(text);
}

/* The proof that a binding read carries, or the verifier that the relay keeps. */
char *
tg_share_proof(TgShare *self, gboolean is_verifier)
{
        guint8 octets[TG_PROOF_BYTES];
        guint8 verifier[TG_PROOF_BYTES];
        char *text;

        if (self->key == NULL || !tg_claim_proof(self->key, octets, NULL))
                return NULL;
        tg_claim_verifier(octets, verifier);
        text = tg_base64_encode(TG_BASE64_URL, is_verifier ? verifier : octets, TG_PROOF_BYTES);
        tg_wipe(octets, sizeof octets);

        return text;
}

static const char *
claim_text(const TgShare *self)
{
        return self->claim != NULL ? (const char *)tg_secret_get(self->claim, NULL) : NULL;
}

/* The time that a request asks by: the relay's, where it is far from ours. */
static void
note_clock(TgShare *self, const TgReply *reply)
{
        if (llabs(reply->clock_skew_s) <= TG_MAX_CLOCK_SKEW_S)
                return;
        g_warning("the clock of relay %s differs from this machine's by %" G_GINT64_FORMAT " s",
                  self->relay,
                  reply->clock_skew_s);
}

/* The earlier of the initiator's word and the relay's, by our clock. */
static void
note_expiration(TgShare *self, gint64 expiration_s, gint64 clock_skew_s)
{
        gint64 expires_s;

        if (expiration_s <= 0)
                return;
        if (llabs(clock_skew_s) <= TG_MAX_CLOCK_SKEW_S)
                clock_skew_s = 0;
        expires_s = CLAMP(expiration_s - clock_skew_s, 1, self->created_s + TG_MAX_LIFE_S);
        if (self->expires_s != 0 && expires_s >= self->expires_s)
                return;

        /* More than clocks and rounding explain: then the end is the relay's word. */
        if (self->role == TG_ROLE_INITIATOR && self->expires_s - expires_s > TG_MAX_CLOCK_SKEW_S)
                self->is_shortened = TRUE;
        self->expires_s = expires_s;
        tg_share_tell(self, TG_SHARE_EXPIRES);
}

static gboolean
is_offline(TgShare *self, const char *url)
{
        g_autoptr(GError) offline = NULL;

        if (tg_network_reaches(self->wallet->network, url))
                return FALSE;
        offline = tg_error_new(TG_ERROR_UNREACHABLE, "no network: waits until there is one");
        tg_share_set_failure(self, offline);
        return TRUE;
}

static void
came_through(TgShare *self)
{
        self->n_failures = 0;
        tg_share_set_failure(self, NULL);
}

static void
try_later(TgShare *self, const TgReply *reply)
{
        tg_share_set_failure(self, reply->error);
        tg_share_later(self, reply->retry_after_s);
}

/* ---- initiator: create ---- */

static TgSecret *
draw_key(GError **error)
{
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_STANDARD, KEY_BYTES);

        /* Redrawn until the text reads the same in both alphabets and has no '+', which
         * some programs turn into a space (costs 1.92 of 256 bits). */
        for (;;) {
                g_autoptr(TgSecret) key = tg_secret_new_random(KEY_BYTES, error);
                g_autoptr(TgSecret) text = NULL;
                guint8 *buffer;

                if (key == NULL)
                        return NULL;
                text = tg_secret_new_blank(n_chars, &buffer, error);
                if (text == NULL)
                        return NULL;
                tg_base64_encode_to(
                        TG_BASE64_STANDARD, tg_secret_get(key, NULL), KEY_BYTES, (char *)buffer);
                if (memchr(buffer, '+', n_chars) == NULL && memchr(buffer, '/', n_chars) == NULL)
                        return g_steal_pointer(&key);
        }
}

static char *
seal_first_message(TgShare *self, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_autoptr(TgSecret) content = NULL;
        guint8 sid[TG_SID_BYTES];
        gsize n_content;
        const guint8 *octets;
        TgHeader header = {
                .present = TRUE,
                .reads_end = TRUE,
                .title = self->title,
                .description = self->description,
                .image_url = self->image_url != NULL ? self->image_url : (char *)"",
        };

        content = vertical->encode(self->content, self->label, self->content_type, error);
        if (content == NULL)
                return NULL;

        tg_random(sid, sizeof sid);
        self->thread = tg_thread_new(TG_ROLE_INITIATOR, sid, TRUE);
        octets = tg_secret_get(content, &n_content);

        return tg_thread_write(
                self->thread, self->key, self->format, octets, n_content, &header, error);
}

static TgSecret *
as_body(const char *text, GError **error)
{
        return tg_secret_new(text, strlen(text), error);
}

static TgSecret *
make_create(TgShare *self, GError **error)
{
        g_autofree char *payload = NULL;
        g_autofree char *body = NULL;
        TgDisplay display = {
                .title = self->has_public_title ? self->title : (char *)NEUTRAL_TITLE,
                .description = self->has_public_title ? self->description : (char *)"",
                .image_url = self->has_public_title && self->image_url != NULL ? self->image_url
                                                                               : (char *)"",
        };

        self->key = draw_key(error);
        self->claim = self->key != NULL ? draw_claim(error) : NULL;
        if (self->claim == NULL)
                return NULL;
        payload = seal_first_message(self, error);
        if (payload == NULL)
                return NULL;

        self->expires_s = tg_clock_now_s() + self->life_s;
        self->request_id = tg_share_new_request_id();
        body = tg_mailbox_format_create(payload,
                                        &display,
                                        TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE,
                                        self->expires_s);
        return as_body(body, error);
}

/* The same payload, asked to live as long by the relay's clock. */
static gboolean
correct_create(TgShare *self, const TgReply *reply, GError **error)
{
        g_autoptr(TgSecret) old = tg_store_load_body(self->wallet->store, self->id, error);
        g_auto(TgMailboxRequest) request = {};
        g_autoptr(TgSecret) body = NULL;
        g_autofree char *text = NULL;
        gsize n_bytes;
        const guint8 *octets;

        if (old == NULL)
                return FALSE;
        octets = tg_secret_get(old, &n_bytes);
        if (!tg_mailbox_parse_create(
                    (const char *)octets, n_bytes, &tg_mailbox_limits_default, &request, error))
                return FALSE;

        text = tg_mailbox_format_create(request.payload,
                                        &request.display,
                                        request.rights,
                                        self->expires_s + reply->clock_skew_s);
        body = as_body(text, error);
        if (body == NULL)
                return FALSE;
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        self->is_clock_corrected = TRUE;

        return tg_share_save(self, body, error);
}

gboolean
tg_share_take_created(TgShare *self, const TgReply *reply, GError **error)
{
        g_auto(TgMailboxCreated) created = {};
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        if (!tg_mailbox_parse_created(text, n_bytes, &created, error))
                return FALSE;
        g_free(self->mailbox_url);
        self->mailbox_url = tg_link_check_url_link(created.url_link, self->relay, FALSE, error);
        if (self->mailbox_url == NULL)
                return FALSE;

        if (!created.has_claim_proof && !self->is_compat && !tg_share_is_ended(self))
                g_message("relay %s does not know claim proofs: whoever knows the address can "
                          "bind the mailbox",
                          self->relay);
        if (!reply->is_repeat) {
                g_free(self->etag);
                self->etag = g_strdup(reply->etag);
        }
        return TRUE;
}

/* Refused for good: there is no mailbox to be deleted. */
static void
not_created(TgShare *self, const TgReply *reply)
{
        g_clear_pointer(&self->request_id, g_free);
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
}

static void
on_created(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, NULL);
        g_autoptr(GError) error = NULL;

        self->asking = NULL;
        note_clock(self, reply);
        switch (reply->kind) {
        case TG_REPLY_DONE:
                if (tg_share_take_created(self, reply, &error))
                        self->invitation = tg_link_format(
                                self->mailbox_url, self->letter, TG_LINK_T1, self->key, &error);
                if (self->invitation == NULL) {
                        /* Asking once more would bring the same answer. */
                        g_clear_pointer(&self->request_id, g_free);
                        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                        return;
                }
                came_through(self);
                self->was_uploaded = TRUE;
                g_clear_pointer(&self->request_id, g_free);
                tg_share_happens(self, TG_EVENT_UPLOADED, nothing);
                return;
        case TG_REPLY_REFUSED:
                if (llabs(reply->clock_skew_s) > TG_MAX_CLOCK_SKEW_S && !self->is_clock_corrected) {
                        if (correct_create(self, reply, &error))
                                tg_share_create(self);
                        else
                                tg_share_go_back(self, error);
                        return;
                }
                not_created(self, reply);
                return;
        case TG_REPLY_UNAUTHORIZED:
        case TG_REPLY_GONE:
                not_created(self, reply);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_CHANGED:
        case TG_REPLY_LATER:
                try_later(self, reply);
                return;
        }
}

static void
on_item(TgSecret *secret,
        const char *label,
        const char *content_type,
        const GError *error,
        gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->job = NULL;
        if (g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE)) {
                tg_share_set_waiting(self, TRUE);
                return;
        }
        if (error != NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }

        tg_share_set_waiting(self, FALSE);
        self->content = tg_secret_ref(secret);
        self->label = g_strdup(label);
        self->content_type = g_strdup(content_type);
        if (self->title[0] == '\0') {
                g_free(self->title);
                self->title = tg_text_clean(label, -1, TG_MAX_TITLE_BYTES);
                tg_share_tell(self, TG_SHARE_TITLE);
        }
        tg_share_create(self);
}

static void
fetch_item(TgShare *self)
{
        TgKeyring *keyring = self->wallet->keyring;
        g_autoptr(GError) error = NULL;

        if (self->item_path == NULL && self->attributes == NULL) {
                error = tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        self->job = self->item_path != NULL
                            ? tg_keyring_load_item(keyring, self->item_path, on_item, self)
                            : tg_keyring_find_item(keyring, self->attributes, on_item, self);
}

/* Where the vault was opened only after the user had said yes. */
static gboolean
prepare_now(TgShare *self)
{
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) error = NULL;

        if (!tg_share_prepare(self, &body, &error)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return FALSE;
        }
        if (!tg_share_save(self, body, &error)) {
                tg_share_go_back(self, error);
                return FALSE;
        }
        return TRUE;
}

static GBytes *
stored_body(TgShare *self, GError **error)
{
        g_autoptr(TgSecret) body = tg_store_load_body(self->wallet->store, self->id, error);
        gsize n_bytes;
        const guint8 *octets;

        if (body == NULL)
                return NULL;
        /* Ciphertext for the relay: no secret any more. */
        octets = tg_secret_get(body, &n_bytes);
        return g_bytes_new(octets, n_bytes);
}

void
tg_share_create(TgShare *self)
{
        g_autoptr(GBytes) body = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *verifier = NULL;

        if (tg_share_needs_vault(self))
                return;
        if (self->request_id == NULL && self->content == NULL) {
                fetch_item(self);
                return;
        }
        if (self->request_id == NULL && !prepare_now(self))
                return;
        g_clear_pointer(&self->content, tg_secret_unref);
        if (is_offline(self, self->relay))
                return;

        body = stored_body(self, &error);
        if (body == NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        verifier = self->is_compat ? NULL : tg_share_proof(self, TRUE);

        TgAsk ask = {
                .kind = TG_ASK_CREATE,
                .target = self->relay,
                .claim = claim_text(self),
                .request_id = self->request_id,
                .proof = verifier,
                .body = body,
        };
        self->asking = tg_transport_ask(tg_share_context(self), &ask, on_created, self);
}

/* ---- reading, both sides ---- */

static void
end_of_peer(TgShare *self, const TgEnvelope *envelope)
{
        g_autofree char *reason = NULL;
        g_autoptr(GError) error = NULL;
        TgOutcome outcome;

        tg_end_parse(&envelope->content, &outcome, &reason);
        switch (outcome) {
        case TG_OUTCOME_COMPLETED:
                tg_share_set_failure(self, NULL);
                tg_share_ends(self, TG_EVENT_PEER_COMPLETED, TG_ENDED_PEER, NULL);
                return;
        case TG_OUTCOME_DECLINED:
                error = tg_error_new(TG_ERROR_DECLINED,
                                     reason != NULL && reason[0] != '\0'
                                             ? "the recipient declined: %s"
                                             : "the recipient declined%s",
                                     reason != NULL ? reason : "");
                tg_share_ends(self, TG_EVENT_PEER_DECLINED, TG_ENDED_PEER, error);
                return;
        case TG_OUTCOME_FAILED:
                error = tg_error_new(TG_ERROR_FAILED,
                                     reason != NULL && reason[0] != '\0'
                                             ? "the recipient could not take it: %s"
                                             : "the recipient could not take it%s",
                                     reason != NULL ? reason : "");
                tg_share_ends(self, TG_EVENT_PEER_FAILED, TG_ENDED_PEER, error);
                return;
        }
}

/* The title: the user's own, else the sender's authenticated one, else what the
 * content brings along, else what the relay said. */
static void
take_display(TgShare *self, const TgHeader *header, const TgProvision *provision)
{
        g_autofree char *title = tg_text_clean(header->title, -1, TG_MAX_TITLE_BYTES);
        const char *best = title[0] != '\0' ? title : provision->title;

        if (!self->is_title_own && best != NULL && best[0] != '\0') {
                g_free(self->title);
                self->title = g_strdup(best);
                self->is_title_verified = TRUE;
        }
        if (header->present) {
                g_free(self->description);
                self->description =
                        tg_text_clean(header->description, -1, TG_MAX_DESCRIPTION_BYTES);
        }
        tg_share_tell(self, TG_SHARE_TITLE | TG_SHARE_FORMAT | TG_SHARE_MODE);
}

static void
unacceptable(TgShare *self, const GError *error)
{
        if (self->state == TG_STATE_CLAIMING && !tg_share_event(self, TG_EVENT_CLAIMED, NULL, NULL))
                return;
        tg_share_ends(self, TG_EVENT_UNACCEPTABLE, TG_ENDED_SELF, error);
}

static gboolean
check_content(TgShare *self, const TgEnvelope *envelope, TgProvision *ret, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(envelope->format);

        if (vertical == NULL) {
                g_autofree char *format = tg_text_clean(envelope->format, -1, TG_MAX_FORMAT_BYTES);

                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this wallet does not know the kind of credential \"%s\"",
                             format);
                return FALSE;
        }
        if (self->letter != 0 && self->letter != vertical->letter) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the link promised another kind of credential than what arrived");
                return FALSE;
        }
        return vertical->decode(&envelope->content, ret, error);
}

/* The credential has arrived: checked wholly, then stored before anything else. */
static void
arrived(TgShare *self, const TgEnvelope *envelope)
{
        g_auto(TgProvision) provision = {};
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(GError) error = NULL;
        guint8 id[TG_ID_CHARS / 2];
        const TgVertical *vertical;

        if (!check_content(self, envelope, &provision, &error)) {
                unacceptable(self, error);
                return;
        }
        content = tg_secret_new(envelope->content.text, envelope->content.n_chars, &error);
        if (content == NULL) {
                tg_share_go_back(self, error);
                return;
        }

        vertical = tg_vertical_find(envelope->format);
        self->format = g_intern_string(vertical->format);
        self->kind = g_intern_string(vertical->kinds[0]);
        tg_random(id, sizeof id);
        g_free(self->credential_id);
        self->credential_id = tg_hex_encode(id, sizeof id);
        self->has_arrived = TRUE;
        take_display(self, &envelope->header, &provision);
        came_through(self);

        if (self->state == TG_STATE_CLAIMING) {
                TgAction action;

                /* One save for both steps: nothing in between is worth a flush. */
                tg_session_step(self->role, &self->state, TG_EVENT_CLAIMED, &action);
        }
        if (tg_keyring_state(self->wallet->keyring) == TG_KEYRING_UNLOCKED) {
                tg_share_happens(self, TG_EVENT_RECEIVED, content);
                return;
        }
        if (!tg_share_save(self, content, &error)) {
                tg_share_go_back(self, error);
                return;
        }
        tg_share_tell(self, TG_SHARE_STATE);
        tg_share_provision(self);
}

/* Nothing that counts as news: the relay is asked less and less often, whatever its
 * entity tags say. */
static void
ignored(TgShare *self, const GError *error)
{
        self->n_ignored++;
        if (error != NULL) {
                g_debug("share %.8s: payload ignored: %s", self->id, error->message);
                if (self->n_ignored == TG_IGNORED_PAYLOADS_WARNING)
                        g_warning("share %.8s: %u payloads in a row had to be ignored: somebody "
                                  "interferes with the mailbox at %s",
                                  self->id,
                                  self->n_ignored,
                                  self->relay);
        }
        tg_share_later(self, -1);
}

static void
judge(TgShare *self, const TgJson *payload, gboolean is_first_tag)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) error = NULL;
        TgReading reading = tg_thread_read(self->thread, self->key, payload, &envelope, &error);

        switch (reading) {
        case TG_READ_NONE:
                /* Our own message with a tag to wait by: now the answer can be held. */
                if (is_first_tag && self->n_failures == 0) {
                        self->n_failures = 1;
                        tg_share_watch(self);
                        return;
                }
                ignored(self, NULL);
                return;
        case TG_READ_REFUSED:
                if (self->state == TG_STATE_CLAIMING)
                        tg_share_happens(self, TG_EVENT_CLAIMED, NULL);
                if (!tg_share_is_ended(self) && self->asking == NULL && self->turn == NULL)
                        ignored(self, error);
                return;
        case TG_READ_LEGACY:
                self->mode = "plain";
                break;
        case TG_READ_OK:
        case TG_READ_OVERTAKEN:
                break;
        }

        self->n_ignored = 0;
        if (self->role == TG_ROLE_RECIPIENT)
                arrived(self, envelope);
        else if (g_str_equal(envelope->format, TG_END_FORMAT))
                end_of_peer(self, envelope);
        else
                ignored(self, NULL);
}

static void
take_relay_display(TgShare *self, const TgDisplay *display)
{
        g_autofree char *title = NULL;

        if (self->is_title_verified)
                return;
        title = tg_text_clean(display->title, -1, TG_MAX_TITLE_BYTES);
        if (title[0] != '\0') {
                g_free(self->title);
                self->title = g_steal_pointer(&title);
        }
        g_free(self->description);
        self->description = tg_text_clean(display->description, -1, TG_MAX_DESCRIPTION_BYTES);
        tg_share_tell(self, TG_SHARE_TITLE);
}

static void
take_content(TgShare *self, const TgReply *reply)
{
        g_auto(TgMailboxContent) content = {};
        g_autoptr(GError) error = NULL;
        gboolean is_first_tag = self->etag == NULL && reply->etag != NULL;
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        if (!tg_mailbox_parse_content(text, n_bytes, &content, &error)) {
                tg_share_set_failure(self, error);
                ignored(self, error);
                return;
        }

        g_free(self->etag);
        self->etag = g_strdup(reply->etag);
        note_expiration(self, content.expiration_s, reply->clock_skew_s);
        if (self->role == TG_ROLE_RECIPIENT) {
                self->is_bound = TRUE;
                take_relay_display(self, &content.display);
        }
        tg_share_set_failure(self, NULL);
        judge(self, &content.payload, is_first_tag);
}

static void
gone(TgShare *self, const TgReply *reply)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *word = tg_text_clean(reply->word, -1, TG_MAX_TITLE_BYTES);
        gboolean is_told = g_str_equal(word, "completed") || g_str_equal(word, "cancelled") ||
                           g_str_equal(word, "expired");

        if (self->role == TG_ROLE_INITIATOR) {
                tg_share_set_failure(self, NULL);
                tg_share_ends(self, TG_EVENT_GONE, TG_ENDED_RELAY, NULL);
                return;
        }
        error = tg_error_new(TG_ERROR_CANCELLED,
                             is_told ? "the relay says that the invitation is gone (%s)"
                                     : "the relay says that the invitation is gone%s",
                             is_told ? word : "");
        tg_share_ends(self, TG_EVENT_GONE, TG_ENDED_RELAY, error);
}

static void
on_watched(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        gint64 took_us = g_get_monotonic_time() - self->asked_at_us;

        self->asking = NULL;
        g_clear_pointer(&self->turn, tg_turn_end);
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);

        switch (reply->kind) {
        case TG_REPLY_DONE:
                take_content(self, reply);
                return;
        case TG_REPLY_NOTHING_NEW:
                tg_share_set_failure(self, NULL);
                /* An answer that was really held costs nothing; one that comes too soon is
                 * a relay that would have us spin. */
                if (self->held_s > 0 &&
                    took_us >= MIN(self->held_s, TG_MIN_HELD_S) * G_USEC_PER_SEC) {
                        self->n_failures = 0;
                        tg_share_watch(self);
                } else {
                        tg_share_later(self, -1);
                }
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                gone(self, reply);
                return;
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
        case TG_REPLY_LATER:
                try_later(self, reply);
                return;
        }
}

static void
ask_to_read(TgShare *self, guint hold_s, const char *proof, TgReplyFunc func)
{
        TgAsk ask = {
                .kind = TG_ASK_READ,
                .target = self->mailbox_url,
                .claim = claim_text(self),
                .etag = self->etag,
                .proof = proof,
                .wait_s = self->etag != NULL ? hold_s : 0,
        };

        self->held_s = ask.wait_s;
        self->asked_at_us = g_get_monotonic_time();
        self->asking = tg_transport_ask(tg_share_context(self), &ask, func, self);
}

static void
on_turn(guint hold_s, gpointer user_data)
{
        ask_to_read(user_data, MIN(hold_s, TG_MAX_WAIT_S), NULL, on_watched);
}

void
tg_share_watch(TgShare *self)
{
        if (self->thread == NULL || self->key == NULL || self->mailbox_url == NULL ||
            self->claim == NULL) {
                g_autoptr(GError) error =
                        tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");

                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        if (is_offline(self, self->mailbox_url))
                return;
        self->turn = tg_turns_ask(self->wallet->turns, on_turn, self);
        /* An idle connection costs 50 KiB here, and something at the relay. */
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);
}

/* ---- recipient: claim ---- */

static void
on_claimed(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) error = NULL;

        self->asking = NULL;
        note_clock(self, reply);
        switch (reply->kind) {
        case TG_REPLY_DONE:
                take_content(self, reply);
                return;
        case TG_REPLY_UNAUTHORIZED:
                error = tg_error_new(TG_ERROR_ALREADY_USED,
                                     "this invitation was already used on another device; ask the "
                                     "sender to cancel it");
                tg_share_ends(self, TG_EVENT_ALREADY_USED, TG_ENDED_RELAY, error);
                return;
        case TG_REPLY_GONE:
                error = tg_error_new(TG_ERROR_EXPIRED,
                                     "the relay knows no such invitation (any more): ask the "
                                     "sender for a new one");
                tg_share_ends(self, TG_EVENT_NO_MAILBOX, TG_ENDED_RELAY, error);
                return;
        case TG_REPLY_REFUSED:
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_CHANGED:
        case TG_REPLY_LATER:
                try_later(self, reply);
                return;
        }
}

/* A keyed digest is what keeps an ended link from being opened again. */
static gboolean
make_digest(TgShare *self, guint8 ret_digest[TG_SHA256_BYTES], GError **error)
{
        g_autoptr(TgSecret) link = tg_share_link_identity(self->mailbox_url, self->key, error);

        return link != NULL && tg_store_link_digest(self->wallet->store, link, ret_digest, error);
}

static gboolean
prepare_claim(TgShare *self, GError **error)
{
        guint8 digest[TG_SHA256_BYTES];

        if (!make_digest(self, digest, error))
                return FALSE;
        /* Another share of this link may be there, or let go of it for another device: then it
         * is not this one's to end, and nothing is said to anybody. */
        if (!self->owner->may_claim(self, digest, error, self->owner_data)) {
                g_clear_pointer(&self->key, tg_secret_unref);
                return FALSE;
        }

        memcpy(self->digest, digest, sizeof digest);
        self->has_digest = TRUE;
        self->thread = tg_thread_new(TG_ROLE_RECIPIENT, NULL, TRUE);
        self->claim = draw_claim(error);

        return self->claim != NULL;
}

gboolean
tg_share_prepare(TgShare *self, TgSecret **ret_body, GError **error)
{
        if (self->role == TG_ROLE_RECIPIENT)
                return prepare_claim(self, error);
        if (self->content == NULL)
                return TRUE;

        *ret_body = make_create(self, error);
        return *ret_body != NULL;
}

void
tg_share_claim(TgShare *self)
{
        g_autofree char *proof = NULL;

        if (tg_share_needs_vault(self))
                return;
        if (self->claim == NULL && !prepare_now(self))
                return;
        if (is_offline(self, self->mailbox_url))
                return;

        proof = tg_share_proof(self, FALSE);
        ask_to_read(self, 0, proof, on_claimed);
}

/* ---- recipient: into the keyring ---- */

static void
on_stored(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->job = NULL;
        if (g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE)) {
                tg_share_set_waiting(self, TRUE);
                /* A service that does not answer may come back without a sign. */
                tg_share_later(self, -1);
                return;
        }
        if (error != NULL) {
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }

        tg_share_set_failure(self, NULL);
        self->has_arrived = FALSE;
        self->ended_by = TG_ENDED_SELF;
        tg_share_happens(self, TG_EVENT_PROVISIONED, NULL);
}

static void
on_unlocked(TgSecret *secret,
            const char *label,
            const char *content_type,
            const GError *error,
            gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->job = NULL;
        /* Refused: it waits for the user to unlock the keyring in his own time. */
        if (error == NULL)
                tg_share_provision(self);
}

void
tg_share_provision(TgShare *self)
{
        TgKeyring *keyring = self->wallet->keyring;
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_auto(TgProvision) provision = {};
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(GError) error = NULL;
        gsize n_bytes;
        const guint8 *octets;
        TgJson json;

        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED) {
                gboolean may_ask = self->is_interactive;

                self->is_interactive = FALSE;
                tg_share_set_waiting(self, TRUE);
                if (may_ask)
                        self->job = tg_keyring_unlock(keyring, on_unlocked, self);
                return;
        }
        tg_share_set_waiting(self, FALSE);
        if (self->state == TG_STATE_EXCHANGING) {
                tg_share_happens(self, TG_EVENT_RECEIVED, NULL);
                return;
        }

        content = tg_store_load_body(self->wallet->store, self->id, &error);
        if (content == NULL || vertical == NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        octets = tg_secret_get(content, &n_bytes);
        if (!tg_json_parse((const char *)octets, n_bytes, TG_MAX_PLAINTEXT_BYTES, &json, &error) ||
            !vertical->decode(&json, &provision, &error)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }

        self->job = tg_keyring_store_credential(keyring,
                                                self->credential_id,
                                                self->title,
                                                provision.content_type,
                                                provision.content,
                                                on_stored,
                                                self);
}
