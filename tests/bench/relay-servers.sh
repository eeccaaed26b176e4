# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Of the benchmarks of the relay: relays and an nginx in a folder that goes away, a load for them, and what was used
# meanwhile. To be sourced; $here and $build are set. Servers run on one processor, the load on another.

: "${here:?}" "${build:?}"
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-3} quiet=${QUIET:-15} noisy=0
servers_on=(taskset -c 0)

# need TOOL…
need() {
        local tool
        for tool in "$@"; do
                command -v "$tool" >/dev/null || { echo "${0##*/}: needs $tool" >&2; exit 77; }
        done
}

need cc pkg-config taskset
work=$(mktemp -d "${TMPDIR:-/var/tmp}/tigress-bench.XXXXXX")
chmod 755 "$work"
pids=()
cleanup() {
        [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || :
        wait
        rm -rf "$work"
}
trap cleanup EXIT

read -ra flags < <(pkg-config --cflags --libs glib-2.0 openssl)
cc -O2 -D_GNU_SOURCE "$here/relay-load.c" "$here/relay-client.c" -o "$work/load" "${flags[@]}"
cc -O2 -D_GNU_SOURCE -shared -fPIC "$here/relay-flushes.c" -o "$work/flushes.so" -ldl

# start_relay NAME [OPTION…]: sets $relay_port, $relay_pid and, the numbers that it tells, $relay_metrics.
# Rates are counted as for strangers, and never reached.
start_relay() {
        local name=$1
        shift
        cat >"$work/relay.conf" <<END
[Relay]
MetricsListen=127.0.0.1:0
MaxConnections=20000
MaxHeldReads=20000
ConnectionsPerSource=20000
HeldReadsPerSource=20000
ConnectionsPerMinute=4000000000
RequestsPerMinute=4000000000
CreationsPerMinute=4000000000
IdleTimeout=600
END
        : >"$work/$name.out"
        TG_FLUSHES=$work/$name.flushes LD_PRELOAD=$work/flushes.so \
                "${servers_on[@]}" "$build/relay/tigress-relay" --trial --config "$work/relay.conf" \
                --listen 127.0.0.1:0 --state-directory "$work/$name" "$@" \
                >"$work/$name.out" 2>"$work/$name.err" &
        relay_pid=$!
        pids+=("$relay_pid")
        until grep -q metrics "$work/$name.out"; do
                kill -0 $relay_pid || { cat "$work/$name.err"; exit 1; }
                sleep 0.05
        done
        relay_port=$(sed -n 's/listening .*://p' "$work/$name.out")
        relay_metrics=$(sed -n 's/metrics //p' "$work/$name.out")
}

# start_nginx: with the certificate of the relay "relay"; sets $nginx_port and $nginx_pid.
# What it answers by itself is as long as the relay's 404.
start_nginx() {
        local server try text
        text=$(printf 'x%.0s' $(seq 100))
        mkdir -p "$work/www/dav" "$work/tmp"
        for try in $(seq 20); do
                nginx_port=$((20000 + (RANDOM + try) % 12000))
                rm -f "$work/nginx.pid"
                cat >"$work/nginx.conf" <<END
user $(id -un);
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.err;
events { worker_connections 19000; }
http {
        access_log off;
        client_body_temp_path $work/tmp;
        keepalive_requests 1000000000;
        keepalive_timeout 600s;
        client_header_timeout 600s;
        tcp_nodelay on;
        server {
                listen 127.0.0.1:$nginx_port ssl backlog=4096;
                ssl_certificate $work/relay/ca.pem;
                ssl_certificate_key $work/relay/key.pem;
                ssl_protocols TLSv1.3;
                ssl_session_tickets off;
                location / { default_type application/problem+json; return 200 $text; }
                location /dav/ { root $work/www; dav_methods PUT DELETE; }
        }
}
END
                "${servers_on[@]}" nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null &
                server=$!
                while kill -0 $server 2>/dev/null; do
                        if [ -s "$work/nginx.pid" ] && nginx_pid=$(pgrep -P "$server"); then
                                pids+=("$server")
                                return
                        fi
                        sleep 0.05
                done
        done
        echo "${0##*/}: nginx does not start" >&2
        cat "$work/nginx.err" >&2
        exit 1
}

flushes() { od -An -tu8 -N8 "$work/$1.flushes" | tr -d ' '; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# until_quiet: waits, a minute at most, for half a second in which nobody works.
until_quiet() {
        local before
        for _ in $(seq 120); do
                before=$(busy_ticks)
                sleep 0.5
                [ $(($(busy_ticks) - before)) -gt $((quiet / 2)) ] || return 0
        done
}

# load KIND PORT CONNECTIONS PID: sets cycles p50 p99 all ticks, and before_flushes, of
# the relay $name. A round in which
# other processes of this machine took more than QUIET percent of a processor is
# run again, 5 times at most, and then taken as it is.
load() {
        local before own others
        for _ in $(seq 5); do
                until_quiet
                before=$(busy_ticks) ticks=$(cpu_ticks "$4") before_flushes=$(flushes "${name:-relay}")
                read -r cycles p50 p99 all own < <(
                        taskset -c 1 "$work/load" "$1" "127.0.0.1:$2" "$3" "$seconds")
                ticks=$(($(cpu_ticks "$4") - ticks))
                others=$(($(busy_ticks) - before - ticks - own))
                [ $((others * 100)) -gt $((quiet * (seconds * 100 + 50))) ] || return 0
        done
        noisy=$((noisy + 1))
}

tell_noise() {
        [ $noisy = 0 ] || echo "$noisy rounds were disturbed by other processes"
}
