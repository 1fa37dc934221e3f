# tests/soak bench: the costs of refresh and single sign-on against the size of the database, on both back ends. Sourced
# by tests/soak, whose functions it uses. Prints tables for docs/performance.md.
#
# A case is a back end with a size: `sqlite-1000`. Each has its data in $work/CASE and is filled by `postern dev seed`.
# Every round starts the server of each case in turn, so that what the machine does besides hits all alike.
#
# How things are counted: CPU and memory by authload from /proc (PostgreSQL's processes are added where it says so);
# fsyncs of the embedded database by strace, PostgreSQL's and its WAL by pg_stat_wal; bytes written by /proc/PID/io;
# statements are asserted in tests/it/token/statements.rs, and PostgreSQL's transactions are counted here.

source tests/soak.d/postgres.sh

# --- cases ---

back_end() { echo "${1%-*}"; }
size_of() { echo "${1#*-}"; }

# What the server and the command line need to find the database of a case.
environment() {
    [[ $(back_end "$1") == sqlite ]] || printf 'POSTERN__DATABASE__URL=%s\n' "$(postgres_url "bench_$(size_of "$1")")"
}

run_postern() {
    local case=$1 variables
    shift
    mapfile -t variables < <(environment "$case")
    env "${variables[@]}" "$postern" "$@" --data "$work/$case"
}

database_bytes() {
    case $(back_end "$1") in
        sqlite) stat --format %s "$work/$1"/postern.db* | awk '{ sum += $1 } END { printf "%.0f\n", sum }' ;;
        postgres) postgres_query postgres "SELECT pg_database_size('bench_$(size_of "$1")')" ;;
    esac
}

# Founds the database of a case, fills it, and adds who signs in. Prints a row.
fill() {
    local case=$1 sessions from empty
    sessions=$(size_of "$case")
    [[ $(back_end "$case") == sqlite ]] || postgres_query postgres "CREATE DATABASE bench_$sessions"
    run_postern "$case" init >>"$work/setup.log"
    empty=$(database_bytes "$case")
    from=$(milliseconds)
    run_postern "$case" dev seed --users $((sessions / 10 + 1)) --sessions "$sessions" --json >>"$work/setup.log"
    awk -v case="$case" -v ms=$(($(milliseconds) - from)) -v bytes=$(($(database_bytes "$case") - empty)) \
        -v sessions="$sessions" 'BEGIN { printf "| %s | %.1f s | %.0f/s | %.1f MB | %.0f |\n", case, ms / 1000,
            sessions * 1000 / ms, bytes / 1e6, bytes / sessions }'
    run_postern "$case" user add alice@example.com --password-stdin <<<"$password" >>"$work/setup.log"
    run_postern "$case" client add app --kind native --name Notes --redirect-uri http://127.0.0.1/callback \
        --scope "openid profile email offline_access" >>"$work/setup.log"
    [[ $(back_end "$case") == sqlite ]] || postgres_query postgres CHECKPOINT
}

# Starts the server of a case, and signs its devices in at the first time.
start_case() {
    local case=$1 variables arguments
    mapfile -t variables < <(environment "$case")
    serve_with=(env "${variables[@]}" "$postern" serve --data "$work/$case")
    start_server
    report=$work/$case.json
    sessions_file=$work/$case.sessions
    if [[ ! -f $sessions_file ]]; then
        mapfile -t arguments < <(target)
        "$authload" login "${arguments[@]}" --sessions "$devices" --out "$sessions_file" >>"$work/setup.log"
    fi
}

# One scenario against the server that runs; the report is in $report.
measure() {
    local scenario=$1 warmup=$2 length=$3 pids=(--pid "$server") arguments
    mapfile -t arguments < <(target)
    [[ ${4:-} != with-database ]] || pids+=(--pid "$postgres")
    "$authload" run "$scenario" "${arguments[@]}" --sessions "$sessions_file" --devices "$devices" \
        --warmup "$warmup" --seconds "$length" "${pids[@]}" >"$report"
}

number() { jq --raw-output "$1" "$report"; }

# --- the tables ---

# refresh and sso against the size, interleaved.
sizes() {
    local round case scenario
    for ((round = 1; round <= rounds; round++)); do
        for case in "${cases[@]}"; do
            start_case "$case"
            resident_kib=$(awk '/^VmRSS:/ { print $2 }' "/proc/$server/status")
            for scenario in refresh sso; do
                measure "$scenario" 1 "$seconds"
                number "[.per_second, .ms.p50, .ms.p99, .server_cpu_us, .server_peak_mib, .errors,
                    $started_in, $resident_kib / 1024] | @tsv" >>"$work/$case.$scenario.rounds"
            done
            stop_server
        done
    done
    printf '\n| case | scenario | rate | p50 | p99 | server CPU a request | errors | first answer | idle | peak |\n'
    printf '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n'
    for scenario in refresh sso; do
        for case in "${cases[@]}"; do
            printf '| %s | %s ' "$case" "$scenario"
            medians "$work/$case.$scenario.rounds"
        done
    done
}

# The median of every column; of errors the sum.
medians() {
    awk -v rounds="$rounds" '
        { for (i = 1; i <= NF; i++) value[i, NR] = $i; errors += $6 }
        function median(column,   i, j, swap, all) {
            for (i = 1; i <= NR; i++) all[i] = value[column, i]
            for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++)
                if (all[j] < all[i]) { swap = all[i]; all[i] = all[j]; all[j] = swap }
            return all[int((NR + 1) / 2)]
        }
        END { printf "| %.0f/s | %.2f ms | %.2f ms | %.0f µs | %d | %d ms | %.1f MiB | %.1f MiB |\n", median(1), median(2),
            median(3), median(4), errors, median(7), median(8), median(5) }' "$1"
}

# Refreshes until there were enough of them, and what they cost.
growth() {
    local case=$1 before after done=0 from written operations
    start_case "$case"
    before=$(database_bytes "$case")
    from=$(counters "$case")
    while ((done < refreshes)); do
        measure refresh 0 "$seconds"
        operations=$(number .operations)
        ((operations > 0)) || fail "no refresh succeeded on $case"
        done=$((done + operations))
    done
    written=$(counters "$case")
    after=$(database_bytes "$case")
    stop_server
    awk -v case="$case" -v n="$done" -v before="$before" -v after="$after" -v settled="$(database_bytes "$case")" \
        -v from="$from" -v to="$written" 'BEGIN {
            split(from, a); split(to, b)
            printf "| %s | %d | %.1f MB | %.1f MB | %.1f MB |", case, n, before / 1e6, after / 1e6, settled / 1e6
            printf " %.0f | %s | %s | %s |\n", (b[1] - a[1]) / n, part(b[2] - a[2], n, a[2]), part(b[3] - a[3], n, a[3]),
                a[4] == "-" ? "-" : sprintf("%.3f", (b[5] - a[5]) / (b[4] - a[4])) }
        function part(value, n, before) { return before == "-" ? "-" : sprintf("%.3f", value / n) }'
}

# Bytes written (PostgreSQL: of WAL), fsyncs of the WAL, transactions, updated rows, HOT-updated rows.
counters() {
    case $(back_end "$1") in
        sqlite) echo "$(awk '/^write_bytes:/ { print $2 }' "/proc/$server/io") - - - -" ;;
        postgres)
            # Backends tell what they did at most a second later.
            sleep 2
            postgres_query "bench_$(size_of "$1")" "SELECT wal_bytes, wal_sync,
                (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()), n_tup_upd, n_tup_hot_upd
                FROM pg_stat_wal, pg_stat_user_tables WHERE relname = 'device_sessions'" | tr '|' ' '
            ;;
    esac
}

# fsyncs of the embedded database for each refresh, counted from outside: rates mean nothing here.
fsyncs() {
    local case=$1 tracer
    if ! command -v strace >/dev/null; then
        echo "| $case | strace is not installed |"
        return
    fi
    start_case "$case"
    strace --follow-forks --quiet=all --summary-only --trace=fsync,fdatasync --output "$work/strace" --attach "$server" &
    tracer=$!
    sleep 1
    measure refresh 0 "$seconds"
    kill -INT "$tracer"
    wait "$tracer" || true
    stop_server
    awk -v case="$case" -v n="$(number .operations)" -v devices="$devices" '
        $NF ~ /^f(data)?sync$/ { calls += $4 }
        END { printf "| %s | %d | %d | %.3f |\n", case, devices, n, calls / n }' "$work/strace"
}

# Ours beside the floor in one process, with so many devices.
floors() {
    local count
    printf '\nBeside the bare floor (`cargo bench --bench refresh`), CPU without the load generator and PostgreSQL:\n\n'
    for count in $device_counts; do
        postgres_query postgres "CREATE DATABASE floor_$count"
        POSTERN_BENCH_POSTGRES=$(postgres_url "floor_$count") \
            cargo bench --quiet --bench refresh -- "$seconds" "$count" 2>>"$work/setup.log"
    done
}

bench() {
    local case size end
    devices=${DEVICES:-16}
    seconds=${SECONDS_EACH:-4}
    rounds=${ROUNDS:-5}
    refreshes=${REFRESHES:-10000}
    device_counts=${DEVICE_COUNTS-1 16 64 256}
    local sizes=${SIZES:-1000 100000}

    prepare_load
    start_postgres
    cases=()
    for size in $sizes; do
        for end in sqlite postgres; do cases+=("$end-$size"); done
    done
    about_the_machine
    printf '%s devices at once, %s s each, median of %s rounds in turn\n\n' "$devices" "$seconds" "$rounds"
    printf '| filled | time | sessions | database | bytes a session |\n| --- | ---: | ---: | ---: | ---: |\n'
    for case in "${cases[@]}"; do fill "$case"; done
    sizes
    printf '\n| refreshes of | how many | database before | after | server stopped | written a refresh (bytes) | fsyncs | transactions | HOT |\n'
    printf '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n'
    for case in "${cases[@]:0:2}"; do growth "$case"; done
    printf '\n| fsyncs of | devices | refreshes | fsyncs a refresh |\n| --- | ---: | ---: | ---: |\n'
    fsyncs "${cases[0]}"
    floors
}
