-- SPDX-License-Identifier: LGPL-2.1-or-later
-- What is at a key, as it is at one instant.
--
-- KEYS: a mailbox and what stays of it after its end, or a resource
-- ARGV: the time (Unix seconds); the fields wanted, the state first
--
-- Redis removes a key within moments of its time; from its second on nothing but the state,
-- which has the claims that may hear of the end, is given out even before that.
local ended = KEYS[2] and redis.call('GET', KEYS[2]) or false
local found = redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
if found[1] and struct.unpack('>i8', found[1], 2) <= tonumber(ARGV[1]) then
        found = {found[1]}
end
table.insert(found, 1, ended)
return found
