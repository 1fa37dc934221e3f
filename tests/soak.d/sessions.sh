# Lists of many sessions, and ends of many. Read by tests/soak.

# So many sessions of plausible people, on a back end; `at` says to a command where they are.
prepare_sessions() {
    local sessions=$1 end=$2
    at=(--data "$work/$end")
    if [[ $end == postgres ]]; then
        start_postgres
        postgres_query postgres "CREATE DATABASE sessions"
        POSTERN__DATABASE__URL=$(postgres_url sessions)
        export POSTERN__DATABASE__URL
    fi
    "$postern" init "${at[@]}" >>"$work/setup.log"
    "$postern" dev seed "${at[@]}" --users $((sessions / 10 + 1)) --sessions "$sessions" --json >>"$work/setup.log"
    [[ $end == sqlite ]] || postgres_query sessions "VACUUM ANALYZE"
}

# Ends what is there for a back end.
clear_sessions() {
    stop_postgres
    unset POSTERN__DATABASE__URL
    rm -rf "${work:?}/$1" "$work/postgres"
}

# The program, and a folder that goes with this process.
prepare_program() {
    postern=${POSTERN:-$PWD/target/release/postern}
    [[ -n ${POSTERN:-} ]] || cargo build --release --package postern --bin postern
    work=$(mktemp -d)
    trap 'stop_postgres; rm -rf "$work"' EXIT
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
    local end
    rounds=${ROUNDS:-20}
    prepare_program
    about_the_machine
    for end in ${BACK_ENDS:-sqlite postgres}; do
        prepare_sessions "${SESSIONS:-10000000}" "$end"
        lists_on "$end"
        clear_sessions "$end"
    done
}

lists_on() {
    local list user client start=0 idle
    list=("$postern" session list "${at[@]}" --json)
    # What every command takes to start, the same for all.
    idle=$(timed start "$postern" session ends "${at[@]}" --json)
    start=$(cut -d '|' -f 3 <<<"$idle" | tr -dc 0-9)
    user=$("$postern" user list "${at[@]}" --limit 1 --json | sed -n 's/.*"email": "\(.*\)".*/\1/p')
    client=$("$postern" client list "${at[@]}" --json | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -n 1)
    printf '\n%s sessions, %s; a start of the command (%s ms) is taken off\n\n' "${SESSIONS:-10000000}" "$1" "$start"
    printf '| list | p50 | p95 |\n| --- | ---: | ---: |\n'
    timed 'newest 100' "${list[@]}"
    timed 'of a person' "${list[@]}" --user "$user"
    timed 'of an app' "${list[@]}" --client "$client"
    timed 'of a version' "${list[@]}" --app-version 2.9.1
    timed 'of a network' "${list[@]}" --address 198.51.100.0/28
    timed 'of a device' "${list[@]}" --device iphone
    timed 'opened lately' "${list[@]}" --opened-since 1d
    timed 'a device that nobody has' "${list[@]}" --device nothing-like-it
    timed 'people by address' "$postern" user list "${at[@]}" --begins user00001 --json
}

bulk_end() {
    local end from took ended
    prepare_program
    about_the_machine
    for end in ${BACK_ENDS:-sqlite postgres}; do
        prepare_sessions "${SESSIONS:-200000}" "$end"
        from=$(milliseconds)
        "$postern" session end "${at[@]}" --opened-since 2000-01-01T00:00:00Z --json >"$work/answer.json"
        took=$(($(milliseconds) - from))
        ended=$(sed -n 's/.*"ended": \([0-9]*\).*/\1/p' "$work/answer.json")
        printf '%s: %s sessions ended in %s ms: %s a second (durable in batches of 1,000; one in a hundred had ended before)\n' \
            "$end" "$ended" "$took" $((ended * 1000 / took))
        clear_sessions "$end"
    done
}
