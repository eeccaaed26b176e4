-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Every transition: if the state is what it was when the request was judged, all of the change;
-- else nothing, and 0.
--
-- KEYS: a mailbox and what stays of it after its end, or a resource
-- ARGV: 1 the state that was judged ('': there was none)
--       2 the time (Unix seconds)
--       3 milliseconds of life for a new one, 0 to leave it as it is, -1 to remove it
--       4 what stays after the end ('': nothing), 5 milliseconds for which
--       6 channel on which to tell those who wait ('': none), 7 what to tell them
--       8 how many of the following are fields and values to set; the rest are fields to remove
local state = redis.call('HGET', KEYS[1], 's')
if state and struct.unpack('>i8', state, 2) <= tonumber(ARGV[2]) then
        redis.call('DEL', KEYS[1])
        state = false
end
if (state or '') ~= ARGV[1] then
        return 0
end

local n_set, life = tonumber(ARGV[8]), tonumber(ARGV[3])
if life < 0 then
        redis.call('DEL', KEYS[1])
else
        if n_set > 0 then
                redis.call('HSET', KEYS[1], unpack(ARGV, 9, 8 + n_set))
        end
        if #ARGV > 8 + n_set then
                redis.call('HDEL', KEYS[1], unpack(ARGV, 9 + n_set))
        end
        if life > 0 then
                redis.call('PEXPIRE', KEYS[1], life)
        end
end
if KEYS[2] and ARGV[4] ~= '' then
        redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
elseif KEYS[2] then
        redis.call('DEL', KEYS[2])
end
if ARGV[6] ~= '' then
        redis.call('PUBLISH', ARGV[6], ARGV[7])
end
return 1
