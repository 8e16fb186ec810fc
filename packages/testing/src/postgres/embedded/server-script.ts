/**
 * The shell script that is the embedded server's process: it makes the data directory and then *becomes* the
 * server (`exec`), so the process that Node started is the server's own, and Node's signals and exit events
 * concern it directly.
 *
 * Beside it waits a watcher that reads from file descriptor 3, a pipe whose other end only Node holds. When Node
 * goes, in whatever way (an exit, a signal, `kill -9`, a crash), the kernel closes the pipe; the watcher then ends
 * the server and removes its files. This needs no exit or signal handlers in the host, which could not see
 * `kill -9` and would interfere with its exit code. A line on the pipe tells the watcher that all is done.
 *
 * initdb itself needs /bin/sh, so nothing is required that was not already.
 *
 * Arguments: the server's directory, that of the programs, initdb's locale options, then the server's options.
 */
export const serverScript = `
directory=$1 programs=$2 locale=$3
shift 3

watch() {
  trap '' HUP INT QUIT TERM
  read -r finished && exit
  # The whole process group, to end an initdb as well. Immediate shutdown: nobody will read this data again.
  kill -QUIT -$$
  tries=0
  # The server's last act is to remove its lock file; its process may linger as a zombie. An initdb heeds the signal
  # late, and until then keeps the directory from being removed.
  until [ ! -e "$directory/data/postmaster.pid" ] && rm -rf "$directory"; do
    sleep 0.1 || sleep 1
    tries=$((tries + 1))
    [ $tries -eq 100 ] && { kill -KILL $$; rm -f "$directory/data/postmaster.pid"; }
    [ $tries -eq 200 ] && exit
  done
}
# Started from a subshell that ends at once, so that the watcher is no child of the server.
(watch <&3 >/dev/null 2>&1 &)

"$programs/initdb" --pgdata="$directory/data" --username=postgres --pwfile="$directory/password" \\
  --auth=scram-sha-256 --encoding=UTF8 $locale --no-sync --no-instructions || exit
exec "$programs/postgres" -D "$directory/data" "$@" 3<&-
`
