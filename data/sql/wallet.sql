-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- What the wallet keeps of shares and credentials. In the clear: ids, states,
-- times. All else is sealed under the state key, which is in the keyring: see
-- daemon/store-seal.h for what a seal is bound to.

CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        version INTEGER NOT NULL,
        sealed BLOB NOT NULL          -- daemon/store-head.h
) STRICT;

-- An ordinary rowid table: its order is that of creation, which is the order in
-- which it is read.
CREATE TABLE share (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL CHECK (length(id) = 32),
        role INTEGER NOT NULL,        -- TgRole
        state TEXT NOT NULL,          -- as on the bus
        created INTEGER NOT NULL,     -- Unix seconds, as all times here
        expires INTEGER NOT NULL,
        ended INTEGER NOT NULL,       -- 0: it runs
        is_busy INTEGER NOT NULL,
        version INTEGER NOT NULL,
        detail BLOB                   -- sealed; NULL: there was no key
) STRICT;
CREATE UNIQUE INDEX share_id ON share (id);

-- Large octets have a table of their own, so that a change of state does not
-- write them again.
CREATE TABLE body (
        row INTEGER PRIMARY KEY,
        share_id TEXT NOT NULL UNIQUE REFERENCES share (id) ON DELETE CASCADE,
        version INTEGER NOT NULL,
        sealed BLOB NOT NULL
) STRICT;

CREATE TABLE credential (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE CHECK (length(id) = 32),
        share_id TEXT,                -- which may be forgotten by now; NULL: it came without one
        received INTEGER NOT NULL,
        version INTEGER NOT NULL,
        detail BLOB                   -- sealed; NULL: its key is gone
) STRICT;

-- Links that were claimed here and have ended: keyed digests.
CREATE TABLE link (
        digest BLOB PRIMARY KEY,      -- 32 octets
        until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_until ON link (until);

-- The log: one entry a row, from 1 without a gap but for the oldest, which are dropped. The
-- head knows where it begins and ends.
CREATE TABLE log (
        number INTEGER PRIMARY KEY,
        sealed BLOB NOT NULL          -- hash (32 octets), then the entry: protocol/log-entry.h
) STRICT;

-- What is to be entered there and happened without the state key.
CREATE TABLE late (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL,             -- of a share or credential
        act TEXT NOT NULL,
        at INTEGER NOT NULL
) STRICT;
