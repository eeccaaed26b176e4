-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- What the relay keeps, and all that it keeps. No address, no user agent, no time
-- of access. A claim is here as SHA-256(mailbox id, claim) alone: one claim used
-- for two mailboxes cannot be seen to be one, and what outlives a mailbox (the
-- table "ended") does not tell which mailbox that was. Rows are in the order in which they came.
--
-- An ordinary rowid table: filling one WITHOUT ROWID in the order of random ids
-- takes many times as long, and halves the throughput of a small one. The payload
-- comes last, so that nothing before it needs the overflow pages of a long row.

CREATE TABLE mailbox (
        row INTEGER PRIMARY KEY,
        id BLOB NOT NULL,                     -- 16 octets
        expires INTEGER NOT NULL,             -- Unix seconds
        rights INTEGER NOT NULL,              -- TgRights
        version INTEGER NOT NULL,             -- of the payload
        writer INTEGER NOT NULL,              -- TgSide that wrote the payload
        creation BLOB NOT NULL,               -- digest of claim and id of the request that made it
        verifier BLOB,                        -- 32 octets, or NULL: any claim may bind
        initiator BLOB NOT NULL,              -- digest of its claim
        initiator_request BLOB NOT NULL,      -- id of its last request that succeeded …
        initiator_operation INTEGER NOT NULL, -- … and what that was, TgOperation
        recipient BLOB NOT NULL,              -- as above; zeros while nobody is bound, so that
        recipient_request BLOB NOT NULL,      -- binding leaves the length of the row as it is
        recipient_operation INTEGER NOT NULL, -- and is done in place
        initiator_token_type TEXT,
        initiator_token TEXT,
        recipient_token_type TEXT,
        recipient_token TEXT,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        image_url TEXT NOT NULL,
        payload TEXT NOT NULL                 -- the JSON object {"type", "data"}
) STRICT;
CREATE UNIQUE INDEX mailbox_id ON mailbox (id);
CREATE UNIQUE INDEX mailbox_creation ON mailbox (creation);
CREATE INDEX mailbox_expires ON mailbox (expires);

-- The plain-HTTP transport: a message a row, under the digest of its location.
CREATE TABLE resource (
        row INTEGER PRIMARY KEY,
        id BLOB NOT NULL,                     -- SHA-256(location)
        expires INTEGER NOT NULL,             -- Unix seconds
        is_lock_required INTEGER NOT NULL,    -- 1: nothing for whoever shows no claim
        request BLOB,                         -- id of the request that made it, or NULL
        reader BLOB NOT NULL,                 -- SHA-256(id, claim) of the first reader; zeros
                                              -- while nobody is, so that locking is done in place
        octets BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX resource_id ON resource (id);
CREATE INDEX resource_expires ON resource (expires);

-- Attestations that were used for a mailbox, each until it is worth nothing any more. In the order
-- of their digests: a row's number would tell between which mailboxes it was written, and so
-- which of them it paid for.
CREATE TABLE spent (
        id BLOB PRIMARY KEY,                  -- 32 octets, a digest that tells nothing
        expires INTEGER NOT NULL              -- Unix seconds; of tokens, the same for many
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_expires ON spent (expires);

-- Who may be told, for an hour, by what word a mailbox ended. One row a claim, in
-- the order of their ends, so that erasing reads from the front and needs no index: a
-- time that has not come is another clock's, and goes too, for it would hold up the rest.
CREATE TABLE ended (
        row INTEGER PRIMARY KEY,
        claim BLOB NOT NULL,                  -- first half of the digest in the mailbox
        word INTEGER NOT NULL,                -- TgEnd
        at INTEGER NOT NULL                   -- Unix seconds
) STRICT;
CREATE INDEX ended_claim ON ended (claim);
