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
    trap 'stop_server; stop_postgres; rm -rf "$work"' EXIT
}

# Asks the admin API for a path, ROUNDS times, each time at another place among those given; prints the median and the 95th
# percentile in milliseconds.
timed() {
    local name=$1 times=() round
    shift
    for ((round = 0; round < rounds; round++)); do
        times+=("$(curl --silent --fail --header "Authorization: Bearer $token" --output "$work/answer.json" \
            --write-out '%{time_total}' "http://127.0.0.1:$private/api/v1/${@:round % $# + 1:1}")")
    done
    printf '%s\n' "${times[@]}" | sort -n | awk -v name="$name" '{ times[NR] = $1 * 1000 }
        END { printf "| %s | %.1f ms | %.1f ms |\n", name, times[int((NR + 1) / 2)], times[int((NR * 95 + 99) / 100)] }'
}

lists() {
    local end
    rounds=${ROUNDS:-40}
    prepare_program
    about_the_machine
    for end in ${BACK_ENDS:-sqlite postgres}; do
        prepare_sessions "${SESSIONS:-10000000}" "$end"
        lists_on "$end"
        clear_sessions "$end"
    done
}

lists_on() {
    local secret users clients
    port=$(free_port)
    private=$(free_port)
    secret=$("$postern" client add lists "${at[@]}" --name Lists --kind service --scope "admin:sessions.read admin:users.read" \
        --resource "http://localhost:$port/api/v1" --json | sed -n 's/.*"client_secret": "\(pst_[^"]*\)".*/\1/p')
    mapfile -t users < <("$postern" user list "${at[@]}" --limit 20 --json | sed -n 's/.*"id": "\(usr_[^"]*\)".*/sessions?limit=100\&user=\1/p')
    mapfile -t clients < <("$postern" client list "${at[@]}" --json | sed -n 's/.*"id": "\(dev-[^"]*\)".*/sessions?limit=100\&client=\1/p')
    export POSTERN__SERVER__PRIVATE_LISTEN=127.0.0.1:$private
    serve_with=("$postern" serve "${at[@]}")
    start_server
    sleep 5
    token=$(curl --silent --fail --user "lists:$secret" --data grant_type=client_credentials "http://localhost:$port/token" |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
    printf '\n%s sessions, %s; by the admin API, 100 a page\n\n' "${SESSIONS:-10000000}" "$1"
    printf '| list | p50 | p95 |\n| --- | ---: | ---: |\n'
    timed 'newest 100' 'sessions?limit=100'
    timed 'of a person' "${users[@]}"
    timed 'of an app' "${clients[@]}"
    timed 'of a version' 'sessions?limit=100&app_version=2.9.1'
    timed 'of a network' 'sessions?limit=100&address=198.51.100.0/28'
    timed 'of a device' 'sessions?limit=100&device=iphone'
    timed 'not used for a week' "sessions?limit=100&used_before=$(date -u -d '7 days ago' +%FT%TZ)"
    timed 'of a device that nobody has, one part' 'sessions?limit=100&device=nothing-like-it'
    timed 'people by address' 'users?limit=100&email_prefix=user00001' 'users?limit=100&email_prefix=user0004'
    timed 'the newest people' 'users?limit=100'
    stop_server
    unset POSTERN__SERVER__PRIVATE_LISTEN
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
