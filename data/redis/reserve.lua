-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The id of the mailbox that a create is to make, or has made: its repetition gets the same.
--
-- KEYS: digest of the create's claim and request id
-- ARGV: an id for the first time; milliseconds to keep it; the id whose mailbox is known to have
--       ended ('': none), to be replaced
-- Without an id for the first time nothing is kept: '' if there is none.
local id = redis.call('GET', KEYS[1])
if id and id ~= ARGV[3] then
        return id
end
if ARGV[1] == '' then
        return ''
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
