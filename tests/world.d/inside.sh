# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# inside.sh - sets a world up, runs a command in it, and looks back at the end.
# Sourced by covered.sh and in-place.sh, which say what "put" and "undo" mean:
#
#   put FILE TARGET [MODE]   makes TARGET a copy of FILE
#   undo COMMAND…            what to do at the end
#
# Both ways everything is at its real place: the setuid helper of polkit knows
# no other system bus than the usual one, polkitd no other folders.

speaker=world
users=${TIGRESS_USERS:-alice bob}
consent=${TIGRESS_CONSENT:-yes}
stage=$TIGRESS_BUILD/world-stage

make_folders() {
        install -d -m 755 "$world" "$world"/{bin,home,pid,services,relay} /run/user /run/dbus
        install -d -m 1777 "$world"/{log,tmp,given}
        tr ' ' '\n' <<<"$users" >"$world/users"
        : >"$world/env"
        install -m 666 /dev/null "$world/log/exits"
        install -m 755 "$here"/bin/* "$world/bin/"
        install -m 644 "$here/parts.sh" "$world/bin/"
        install -m 644 "$here/../../README.md" "$world/" # "dav" runs what it shows
        # Programs and modules that stand in for what the real parts cannot be made to do.
        find "$TIGRESS_BUILD/tests/fakes" -maxdepth 1 -type f -perm -u=x \
                -exec install -m 755 -t "$world/bin" {} +
        # Some distributions give the keyring a file capability that a container
        # may lack: then it cannot be started at all. A copy carries none.
        gnome-keyring-daemon --version >/dev/null 2>&1 ||
                cp "$(command -v gnome-keyring-daemon)" "$world/bin/"
        export PATH=$world/bin:$PATH TMPDIR=$world/tmp TIGRESS_WORLD=$world
}

# A finding of a sanitizer goes into a file, for the programs that a bus starts
# have nobody who reads their stderr.
write_environment() {
        local log=$world/log/sanitizer
        printf '%s\n' "TMPDIR=$world/tmp" "TERM=${TERM:-dumb}" \
                "ASAN_OPTIONS=log_path=$log:fast_unwind_on_malloc=0:${ASAN_OPTIONS:-}" \
                "UBSAN_OPTIONS=log_path=$log:halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}" \
                "LSAN_OPTIONS=${LSAN_OPTIONS:-}" >"$world/env"
}

add_user() { # NAME [PASSWORD]
        local uid home=$world/home/$1
        # It minds anybody's processes with that number, and says so.
        undo eval "userdel --force $1 2>/dev/null"
        useradd --no-log-init --no-create-home --home-dir "$home" --shell /bin/bash "$1"
        [ -z "${2:-}" ] || echo "$1:$2" | chpasswd
        uid=$(id -u "$1")
        undo rm -rf "/run/user/$uid"
        undo end_all_of "$1"
        install -d -m 700 -o "$1" -g "$1" "$home" "/run/user/$uid"
}

# Only in our own PID namespace: another world's people may have the same uids.
# A container inside this one may have somebody with the same number: let them be.
end_all_of() {
        local pid
        for pid in $(ps -o pid= -u "$1" 2>/dev/null); do
                awk '/^NSpid:/ { exit NF > 2 }' "/proc/$pid/status" 2>/dev/null || continue
                [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || continue
                end_process "$pid" "$(start_time "$pid")" KILL || :
        done
}

install_tree() {
        local file
        [ -e "$stage/usr/share/polkit-1/actions" ] || [ ! -e "$stage/usr/bin/tigressctl" ] ||
                die "$TIGRESS_BUILD was not configured with prefix=/usr: name another in TIGRESS_BUILD"
        while read -r file; do
                put "$stage/$file" "/$file" "$(stat -c %a "$stage/$file")"
        done < <(cd "$stage" && find . -type f ! -name .stamp -printf '%P\n')
        # The bus starts the daemon as the installed file says, but with a witness.
        for file in "$stage"/usr/share/dbus-1/services/*.service; do
                [ ! -f "$file" ] || sed "s|^Exec=|Exec=$world/bin/witness |" "$file" \
                        >"$world/services/${file##*/}"
        done
}

# Rules of this machine must not answer for the people of this world.
set_policy() {
        local user
        # pam_unix lets a wrong password wait for two seconds; the same without that.
        printf '%s\n' 'auth required pam_unix.so nodelay' 'account required pam_unix.so' \
                'password required pam_deny.so' 'session required pam_permit.so' >"$world/tmp/pam"
        put "$world/tmp/pam" /etc/pam.d/polkit-1
        # NetworkManager asks polkit itself. Profiles of all users are the first one's alone to read.
        cat >"$world/tmp/network.rules" <<T
polkit.addRule(function(action, subject) {
    if (action.id == "org.freedesktop.NetworkManager.settings.modify.own") return polkit.Result.YES;
    if (action.id != "org.freedesktop.NetworkManager.settings.modify.system")
        return polkit.Result.NOT_HANDLED;
    return subject.user == "${users%% *}" ? polkit.Result.YES : polkit.Result.NO;
});
T
        put "$world/tmp/network.rules" /etc/polkit-1/rules.d/00-tigress-world-network.rules
        for user in $users; do
                undo rm -f "/etc/polkit-1/rules.d/00-tigress-world-$user.rules"
                consent "$user" "$consent"
        done
}

start_system_bus() {
        local conf=$world/system-bus.conf
        cat >"$conf" <<T
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
<type>system</type>
<user>messagebus</user>
<listen>unix:path=$system_bus</listen>
<auth>EXTERNAL</auth>
<policy context="default">
<allow user="*"/>
<deny own="*"/>
<deny send_type="method_call"/>
<allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/>
<allow receive_type="method_return"/>
<allow receive_type="error"/>
<allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
<allow send_destination="org.freedesktop.DBus"
 send_interface="org.freedesktop.DBus.Introspectable"/>
<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
</policy>
<include>/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>
<include ignore_missing="yes">/usr/share/dbus-1/system.d/org.freedesktop.NetworkManager.conf</include>
</busconfig>
T
        rm -f $system_bus # left over: nobody answers there
        undo rm -f $system_bus
        part_start system-bus dbus-daemon --config-file="$conf" --nofork --nopidfile --nosyslog </dev/null
        wait_for 10 test -S $system_bus || die "the system bus did not come up"
}

# The stock configuration, but for the folders of services: the machine's would
# start a second, locked keyring for whoever comes before the right one.
start_session_bus() { # USER
        local user=$1 conf=$world/$1-bus.conf socket
        local own=$world/home/$user/.local/share/dbus-1/services
        socket=$(bus_of "$user")
        sed -e "s|<listen>.*</listen>|<listen>unix:path=$socket</listen>|" \
                -e "s|<standard_session_servicedirs />|<servicedir>$own</servicedir>$(
                )<servicedir>$world/services</servicedir>|" \
                -e '/<include/d' /usr/share/dbus-1/session.conf >"$conf"
        part_start "$user-bus" as "$user" env G_DEBUG=fatal-criticals \
                dbus-daemon --config-file="$conf" --nofork --nopidfile --nosyslog </dev/null
        wait_for 10 test -S "$socket" || die "the bus of $user did not come up"
        printf %s "$user-keyring" | start_keyring "$user" --unlock
}

start_relay() {
        [ -e "$stage/usr/bin/tigress-relay" ] || return 0
        add_user tigress-relay
        relay start
        printf '%s\n' "[Wallet]" "Relay=$(cat "$world/relay/origin")" \
                "TrustedRelays=$(cat "$world/relay/origin");" "CaFile=$world/relay/ca.pem" \
                >"$world/tmp/tigress.conf"
        put "$world/tmp/tigress.conf" /etc/tigress/tigress.conf
        export TIGRESS_TRIAL_RELAY TIGRESS_TRIAL_CA=$world/relay/ca.pem
        TIGRESS_TRIAL_RELAY=$(cat "$world/relay/origin")
        printf '%s\n' "TIGRESS_TRIAL_RELAY=$TIGRESS_TRIAL_RELAY" "TIGRESS_TRIAL_CA=$TIGRESS_TRIAL_CA" \
                >>"$world/env"
}

set_up() {
        local user
        make_folders
        write_environment
        install_tree
        for user in $users; do
                add_user "$user" "$user-login"
        done
        set_policy
        start_relay
        [ -n "${system_bus_is_there:-}" ] || start_system_bus
        name_has_owner system org.freedesktop.PolicyKit1 || start_polkit
        for user in $users; do
                start_session_bus "$user"
        done
        for user in $users; do
                require_name "$user" org.freedesktop.secrets
        done
}

# Ends our programs as a session ends them, so that leaks are found, and tells
# what went wrong unseen. Being killed or ended is no crash.
look_back() {
        local user found=0 name user_of status
        for user in $users; do
                wallet "$user" stop || found=1
        done
        ! part_runs relay || relay stop || found=1
        while read -r user_of name status; do
                case $status in
                0 | 137) ;; # killed on purpose; one that had to be killed was told already
                *)
                        say "$name of $user_of ended with status $status"
                        found=1
                        ;;
                esac
        done <"$world/log/exits"
        if compgen -G "$world/log/sanitizer.*" >/dev/null; then
                cat "$world"/log/sanitizer.* >&2
                found=1
        fi
        if grep -hE 'tigress[a-z-]*-(CRITICAL|ERROR)' "$world"/log/*.log >&2; then
                found=1
        fi
        if [ $found != 0 ]; then
                find "$world/log" -name '*.log' -size +0 -exec tail -n 30 {} + >&2
        fi
        return $found
}

# live COMMAND…: exit status as tests/world promises
live() {
        local status=0
        set_up
        setpriv --pdeathsig KILL -- "$@" 8>&- 9>&- || status=$?
        look_back || [ $status != 0 ] || status=1
        return $status
}
