# Lists of many sessions, and ends of many. Read by tests/soak.

# A folder with so many sessions of plausible people, in the embedded database.
prepare_sessions() {
    local sessions=$1
    postern=${POSTERN:-$PWD/target/release/postern}
    [[ -n ${POSTERN:-} ]] || cargo build --release --package postern --bin postern
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$postern" init --data "$work/data" >"$work/setup.log"
    "$postern" dev seed --data "$work/data" --users $((sessions / 10 + 1)) --sessions "$sessions" --json >>"$work/setup.log"
}

# Runs a command ROUNDS times and prints the median and the 95th percentile in milliseconds, less `start`.
timed() {
    local name=$1 from times=() round
    shift
    for ((round = 0; round < rounds; round++)); do
        from=$(milliseconds)
        "$@" >"$work/answer.json"
        times+=($(($(milliseconds) - from)))
    done
    mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
    printf '| %s | %s ms | %s ms |\n' "$name" \
        $((times[rounds / 2] - start)) $((times[(rounds * 95 + 99) / 100 - 1] - start))
}

lists() {
    local list user client start=0 idle
    rounds=${ROUNDS:-20}
    prepare_sessions "${SESSIONS:-10000000}"
    list=("$postern" session list --data "$work/data" --json)
    # What every command takes to start, the same for all.
    idle=$(timed start "$postern" session ends --data "$work/data" --json)
    start=$(cut -d '|' -f 3 <<<"$idle" | tr -dc 0-9)
    user=$("$postern" user list --data "$work/data" --limit 1 --json | sed -n 's/.*"email": "\(.*\)".*/\1/p')
    client=$("$postern" client list --data "$work/data" --json | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -n 1)
    about_the_machine
    printf '%s sessions, embedded database; a start of the command (%s ms) is taken off\n\n' "${SESSIONS:-10000000}" "$start"
    printf '| list | p50 | p95 |\n| --- | ---: | ---: |\n'
    timed 'newest 100' "${list[@]}"
    timed 'of a person' "${list[@]}" --user "$user"
    timed 'of an app' "${list[@]}" --client "$client"
    timed 'of a version' "${list[@]}" --app-version 2.9.1
    timed 'of a network' "${list[@]}" --address 198.51.100.0/28
    timed 'of a device' "${list[@]}" --device iphone
    timed 'opened lately' "${list[@]}" --opened-since 1d
    timed 'people by address' "$postern" user list --data "$work/data" --begins user00001 --json
}

bulk_end() {
    local from took ended
    prepare_sessions "${SESSIONS:-200000}"
    about_the_machine
    from=$(milliseconds)
    "$postern" session end --data "$work/data" --opened-since 2000-01-01T00:00:00Z --json >"$work/answer.json"
    took=$(($(milliseconds) - from))
    ended=$(sed -n 's/.*"ended": \([0-9]*\).*/\1/p' "$work/answer.json")
    printf '%s sessions ended in %s ms: %s a second (embedded database, durable in batches of 1,000)\n' \
        "$ended" "$took" $((ended * 1000 / took))
}
