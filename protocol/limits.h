/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every size, count and time limit of the system, with its unit and its reason.
 * A number that bounds something and is not here is a mistake.
 */

/* Plaintexts and payloads. 65,536 is the largest padding
 * bucket; 28 is IV and tag around nothing. */
#define TG_MAX_PLAINTEXT_BYTES 65536
#define TG_MIN_SEALED_BYTES 28
#define TG_MAX_SEALED_BYTES (TG_MAX_PLAINTEXT_BYTES + 28)
#define TG_MAX_PAYLOAD_CHARS 87420 /* base64 of TG_MAX_SEALED_BYTES */
/* What a user may hand over: leaves room in the plaintext for base64, the
 * header and the display information. */
#define TG_MAX_CONTENT_BYTES 43008
#define TG_MAX_MESSAGES_PER_SHARE 1024 /* random IVs under one key repeat with 2^-77 */
/* Of each side: what begins a share and what ends it needs a few messages, too. */
#define TG_MAX_STEPS_PER_SHARE (TG_MAX_MESSAGES_PER_SHARE / 2 - 8)

/* The plain-HTTP transport: one resource a message */
#define TG_MAX_TDCH_MESSAGES 65536 /* the number of one has 16 bits */
/* What fits beside 32 random octets, three lengths and the number into a plaintext */
#define TG_MAX_TDCH_MESSAGE_BYTES (TG_MAX_PLAINTEXT_BYTES - 32 - 7)
/* The largest plaintext object that fits there, sealed once more or not */
#define TG_MAX_TIGHT_BYTES (TG_MAX_TDCH_MESSAGE_BYTES - 28)
#define TG_MAX_TDCH_BODY_BYTES (TG_MAX_PLAINTEXT_BYTES + 48) /* nonce and tag */
/* Every plaintext of an exchange is kept, for no library's digest can be stored half done:
 * seven of the largest, and with what is stored beside it one block of the secure heap. */
#define TG_MAX_TDCH_TRANSCRIPT_BYTES (512 * 1024 - 1024)

/* JSON profile */
#define TG_MAX_JSON_DEPTH 16
#define TG_MAX_JSON_NUMBER_CHARS 64
#define TG_MAX_FORMAT_BYTES 255

/* Credential Exchange Format: a document is held in locked memory, twice while it is read */
#define TG_MAX_CXF_BYTES 1000000
#define TG_MAX_CXF_ITEMS 1000
#define TG_MAX_CXF_ACCOUNTS 64
#define TG_MAX_CXF_CREDENTIALS 64 /* of an item */
#define TG_MAX_CXF_ID_BYTES 64    /* section 2.1.3 */
/* A document has four levels around an item */
#define TG_MAX_CXF_ITEM_DEPTH (TG_MAX_JSON_DEPTH - 4)

/* Links */
#define TG_MAX_LINK_CHARS 4096
#define TG_MAX_TEMPLATE_CHARS 2048 /* the link holds it in base64 */
#define TG_MAX_LINK_VERSION 999
#define TG_MAX_NEXT_CHARS (TG_MAX_LINK_CHARS + 64) /* a link and a time, inside a message */

/* Mailbox API */
#define TG_MAX_BODY_BYTES (128 * 1024)
#define TG_MAX_TITLE_BYTES 256
#define TG_MAX_DESCRIPTION_BYTES 1024
#define TG_MAX_IMAGE_URL_BYTES 2048
#define TG_MAX_TOKEN_BYTES 4096
#define TG_MAX_ETAG_BYTES 256 /* of a relay: ours has 20 */
#define TG_MAX_WAIT_S 60
#define TG_DEFAULT_LIFE_S 86400
#define TG_MIN_LIFE_S 60
#define TG_MAX_LIFE_S 604800
#define TG_TOMBSTONE_S 3600

/* The spoken PIN. Whoever has the link guesses right with at most TG_MAX_PIN_TRIES in a million
 * for each share, and twice that within a day for each credential. The recipient enters as many. */
#define TG_MAX_PIN_TRIES 3
#define TG_MAX_PIN_LIFE_S 172800
#define TG_MAX_BURNS 2 /* burned shares of one credential in TG_BURN_S */
#define TG_BURN_S 86400

/* What travels with a credential: as text, and how often it may be used */
#define TG_MAX_BOUNDS_CHARS 256
#define TG_MAX_USES 1000000

/* What the user calls the other side */
#define TG_MAX_PERSON_BYTES 256

/* Text of a peer */
#define TG_MAX_REASON_BYTES 256

/* What one local caller may do */
#define TG_MAX_RUNNING_SHARES 1000
#define TG_MAX_ENDED_SHARES 10000
#define TG_MAX_CREDENTIALS 10000
#define TG_MAX_UNANSWERED_CALLS 64 /* a connection */
#define TG_MAX_KNOWN_CALLERS 32    /* idle ones kept: each costs a descriptor */
#define TG_MAX_WAITING_DIALOGS 8   /* a process; one is open at a time */
#define TG_AUTHORIZATION_REPLY_S 20
#define TG_DESCRIPTOR_DEADLINE_S 10
#define TG_MAX_FILE_READERS 8 /* threads, each may hang on a dead network file system */

/* Configuration files: a few lines are usual */
#define TG_MAX_SETTINGS_BYTES 65536

/* What one step of a vertical may take and bring: it may be another program, that hangs or floods
 */
#define TG_STEP_DEADLINE_S 120 /* a token may want to be touched, an agent's user be asked */
#define TG_MAX_STEP_MESSAGE_BYTES                                                                  \
        60000 /* of a content object; leaves room for header and display */
#define TG_MAX_STEP_STATE_BYTES 65536
#define TG_MAX_RECEIPT_BYTES 8192
#define TG_MAX_DETAILS 32
#define TG_MAX_DETAIL_NAME_BYTES 64
#define TG_MAX_DETAIL_BYTES 1024
#define TG_MAX_TERMS_BYTES 16384

/* Attributes of a keyring item that travel: as many as fit into the details, and are read there */
#define TG_MAX_ATTRIBUTES 16
#define TG_MAX_ATTRIBUTE_NAME_BYTES 48
#define TG_MAX_ATTRIBUTE_BYTES 512
/* Items that share one with an item that is to be made, and are compared with it */
#define TG_MAX_COMPARED_ITEMS 256

/* Handlers of other programs: what their files may say, and how many are looked at */
#define TG_MAX_VERTICAL_FILE_BYTES 4096
#define TG_MAX_VERTICAL_NAME_BYTES 64
#define TG_MAX_VERTICAL_FILES 256  /* there are 25 letters to be had */
#define TG_VERTICALS_SETTLE_MS 200 /* a package is installed file by file */

/* Network */
#define TG_MAX_HELD_REQUESTS 32
#define TG_HELD_READ_S 50
#define TG_MIN_HELD_S 10 /* an answer held shorter, and than was asked, is none that was held */
#define TG_SPREAD_S 10   /* in which all shares go on after a start, each when it likes */
#define TG_MIN_POLL_S 2
#define TG_MAX_POLL_S 300
#define TG_MIN_RETRY_AFTER_S 1
#define TG_MAX_RETRY_AFTER_S 3600
#define TG_REQUEST_TIMEOUT_S 30
#define TG_CONNECT_TIMEOUT_S 15
#define TG_MAX_RESPONSE_BYTES (256 * 1024)
#define TG_MAX_PREVIEW_BYTES (64 * 1024)
#define TG_MAX_CLOCK_SKEW_S 300
#define TG_CLOCK_SLACK_S 5             /* between two clocks that are both right */
#define TG_MAX_CLOCK_ERROR_S 315360000 /* ten years: a clock never set; more is a lie */
#define TG_IGNORED_PAYLOADS_WARNING 16

/* Keyring: a Secret Service that does not answer must not hang a share */
#define TG_KEYRING_DEADLINE_S 10
#define TG_KEYRING_UNLOCK_DEADLINE_S 300 /* a person types a password */

/* The log of acts: dropped in lots, so that it is seldom done */
#define TG_MAX_LOG_ENTRIES 10000
#define TG_LOG_LOT 1000
#define TG_MAX_LOG_PAGE 500 /* what one call gives */

/* How long a link that was claimed and has ended is remembered */
#define TG_ENDED_LINK_S 604800

/* Locked memory for TgSecret; a credential that does not fit is LimitReached. */
#define TG_SECURE_HEAP_BYTES (4 * 1024 * 1024)
#define TG_SECURE_HEAP_MIN_BYTES 32
/* Of it, for what callers hand over before somebody has consented: a program, all of them. */
#define TG_MAX_HANDED_OVER_BYTES (1280 * 1024)
#define TG_MAX_ALL_HANDED_OVER_BYTES (2560 * 1024)
