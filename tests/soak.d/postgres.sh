# A PostgreSQL server of one's own with the default durability, in $work/postgres; sourced. It is stopped by its process.

# The newest that is installed; Debian keeps them in a folder for each version.
postgres_program() {
    local found
    found=$(find /usr/lib/postgresql/*/bin -name "$1" 2>/dev/null | sort --version-sort | tail -n 1)
    [[ -n $found ]] || found=$(command -v "$1") || fail "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    echo "$found"
}

# PostgreSQL refuses to run as root. Words before a command, so that the process of the server is the one that is started.
as_postgres=()
[[ $EUID != 0 ]] || as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups --)

start_postgres() {
    local folder=$work/postgres tries=0
    postgres_port=$(free_port)
    mkdir "$folder"
    if [[ $EUID == 0 ]]; then
        # The folders above it are passed through, not read.
        chmod o+x "$work"
        chown postgres: "$folder"
    fi
    "${as_postgres[@]}" "$(postgres_program initdb)" --encoding=UTF8 --locale=C.UTF-8 --auth=trust --username=postern \
        "$folder/data" >>"$work/setup.log"
    cd "$folder"
    "${as_postgres[@]}" "$(postgres_program postgres)" -D "$folder/data" -p "$postgres_port" -k "$folder" \
        -c listen_addresses=127.0.0.1 -c max_connections=200 >"$work/postgres.log" 2>&1 &
    postgres=$!
    cd "$OLDPWD"
    until "$(postgres_program pg_isready)" --quiet --host 127.0.0.1 --port "$postgres_port"; do
        ((tries += 1)) && ((tries < 300)) && kill -0 "$postgres" || { cat "$work/postgres.log" >&2; fail "PostgreSQL does not start"; }
        sleep 0.1
    done
}

stop_postgres() {
    [[ -n ${postgres:-} ]] || return 0
    kill -INT "$postgres" 2>/dev/null || true
    wait "$postgres" 2>/dev/null || true
    postgres=
}

postgres_url() { echo "postgres://postern@127.0.0.1:$postgres_port/$1"; }

# What a statement gives, in a database.
postgres_query() { psql --quiet --no-align --tuples-only --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$(postgres_url "$1")" --command "$2"; }
