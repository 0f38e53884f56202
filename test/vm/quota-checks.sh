#!/bin/sh
# Asks a gantryd whose data root has project quotas whether its limits hold. Prints "ok WHAT" or "FAILED WHAT: …" a line, and "done" at the end.
# Wants: DATA (a directory on the file system), EXEC, GANTRYD (a command), DOCKER, ROOTFS (a tar with busybox in it).
export DOCKER_HOST="unix://$EXEC/g.sock"
pid=

start() {
  $GANTRYD --data-root "$DATA/g" --exec-root "$EXEC" -H "$DOCKER_HOST" --bridge none --pidfile "$EXEC/pid" >"$EXEC/log" 2>&1 &
  pid=$!
  tries=0
  until $DOCKER version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] && [ -d "/proc/$pid" ] || { echo "FAILED daemon: $(tail -n 1 "$EXEC/log")"; return 1; }
    sleep 0.3
  done
}

end() {
  kill "-$1" $pid
  wait $pid 2>/dev/null
}

# WHAT COMMAND…: it succeeds.
ok() {
  what=$1; shift
  if out=$("$@" 2>&1); then echo "ok $what"; else echo "FAILED $what: $out"; fi
}

# WHAT PATTERN COMMAND…: its output matches.
says() {
  what=$1 pattern=$2; shift 2
  out=$("$@" 2>&1)
  if printf '%s\n' "$out" | grep -Eq -- "$pattern"; then echo "ok $what"; else echo "FAILED $what: $out"; fi
}

run() { $DOCKER run --rm --network none "$@"; }
# Writes MIB to a file, and tells how many bytes it has then.
write() { echo "dd if=/dev/zero of=$1 bs=1M count=$2 2>&1 | grep -v records; stat -c 'size %s' $1"; }

mkdir -p "$EXEC"
start || exit 1
ok import sh -c "$DOCKER import '$ROOTFS' b"
ok create-small $DOCKER volume create -o size=8m small
ok create-free $DOCKER volume create free
says bad-size "invalid size: 'many'" $DOCKER volume create -o size=many bad
says volume-inspect '^8m$' $DOCKER volume inspect -f '{{.Options.size}}' small
says volume-is-bounded 'size [678][0-9]{6}$' run -v small:/v b sh -c "$(write /v/f 20)"
says volume-says-why 'quota exceeded|No space left' run -v small:/v b sh -c "$(write /v/g 20)"
says volume-df ' 8192 ' run -v small:/v b df -k /v
says other-is-free 'size 20971520$' run -v free:/v b sh -c "$(write /v/f 20)"
says usage '^small .*8(\.[0-9]+)?MB|^small .*8\.[0-9]+MB' $DOCKER system df -v
ok layer-create $DOCKER create --name bounded --network none --storage-opt size=10m b sh -c "$(write /f 30)"
says layer-is-bounded 'size (9|10)[0-9]{6}$' $DOCKER start -a bounded
says layer-inspect 'map\[size:10m\]' $DOCKER inspect -f '{{.HostConfig.StorageOpt}}' bounded
says layer-size '(9\.[0-9]+|10\.?[0-9]*)MB' $DOCKER ps -as --format '{{.Names}} {{.Size}}'
says other-layer 'size 31457280$' run b sh -c "$(write /f 30)"
end 9
start || exit 1
says restart-keeps-volume 'size [0-9]{1,6}$|No space left' run -v small:/v b sh -c "$(write /v/h 20)"
says restart-keeps-layer 'size (9|10)[0-9]{6}$' $DOCKER start -a bounded
ok second $DOCKER volume create -o size=4m second
says second-has-its-own 'size [34][0-9]{6}$' run -v second:/v b sh -c "$(write /v/f 20)"
ok remove $DOCKER volume rm small
ok again $DOCKER volume create -o size=8m small
says a-new-one-is-empty 'size [678][0-9]{6}$' run -v small:/v b sh -c "$(write /v/f 20)"
says anonymous 'size [12][0-9]{6}$' run --mount type=volume,dst=/v,volume-opt=size=2m b sh -c "$(write /v/f 20)"
end 9
start || exit 1
says still-the-second 'size [34][0-9]{6}$' run -v second:/v b stat -c 'size %s' /v/f
ok third $DOCKER volume create -o size=4m third
says numbers-are-not-shared 'size [34][0-9]{6}$' run -v third:/v b sh -c "$(write /v/f 20)"
end TERM
echo done
