# Runs once in the image of Postgres, when its volume is new: creates the roles that the stack logs in with. None of them is
# the superuser, which has no password from then on and can log in only from inside the container.

# First and in its own transaction: a failure below must not leave a known password.
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c 'alter role current_user password null'

case $DB_USER in
  postgres | grafana | pgweb | pg_*)
    echo "DB_USER cannot be $DB_USER, the stack has another use for that name: choose another, and run docker compose down --volumes." >&2
    exit 1
    ;;
esac

psql -q -1 -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
-- No password is in an argument, which other processes see, or in the log, which has the text of a statement that fails.
\getenv user DB_USER
\getenv password DB_PASSWORD
\getenv database POSTGRES_DB
\getenv pgweb_password PGWEB_DB_PASSWORD
set log_min_error_statement = panic;

-- Owns the tables. May create the role `grafana`, which `throughline migrate` does, and limit its temporary files.
create role :"user" login createrole password :'password';
grant set on parameter temp_file_limit to :"user";
alter database :"database" owner to :"user";
alter schema public owner to :"user";

-- Reads all tables, for pgweb. Membership lets the owner end its sessions.
create role pgweb login password :'pgweb_password' connection limit 10;
alter role pgweb set default_transaction_read_only = on;
alter role pgweb set statement_timeout = '30s';
alter role pgweb set idle_in_transaction_session_timeout = '30s';
alter role pgweb set temp_file_limit = '256MB';
grant pgweb to :"user";
alter default privileges for role :"user" in schema public grant select on tables to pgweb;

-- Rights that Postgres gives to every role by default: temporary tables, large objects, and advisory locks, with which a role
-- that only reads could block `migrate` and the monitor.
revoke all on database :"database" from public;
grant connect on database :"database" to pgweb;
select format('revoke execute on function %s from public', oid::regprocedure),
  format('grant execute on function %s to %I', oid::regprocedure, :'user')
from pg_proc
where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^(pg_(try_)?advisory_|lo_(creat|create|from_bytea)$)' \gexec
SQL
