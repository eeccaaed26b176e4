-- SPDX-License-Identifier: LGPL-2.1-or-later
-- An attestation is good once: for whoever comes first, however often he asks.
--
-- KEYS: what is kept of it
-- ARGV: a digest of who spends it, and for what; milliseconds to keep it
local spender = redis.call('GET', KEYS[1])
if spender then
        return spender == ARGV[1] and 1 or 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
