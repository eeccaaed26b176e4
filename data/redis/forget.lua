-- SPDX-License-Identifier: LGPL-2.1-or-later
-- A notification token by which nobody can be reached any more, unless there is another by now.
--
-- KEYS: a mailbox
-- ARGV: field and value of the token's type, field and value of its data
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and
        redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then
        redis.call('HDEL', KEYS[1], ARGV[1], ARGV[3])
end
return 1
