#!/usr/bin/env bash
# Worldswitch's launcher: builds when sources changed, then runs the command. `./ws --help` lists commands.
set -u
self=${BASH_SOURCE[0]}
[ -L "$self" ] && self=$(readlink -f "$self")
case $self in /*) home=${self%/*} ;; */*) home=$PWD/${self%/*} ;; *) home=$PWD ;; esac
build=$home/.build
# A recording is a run that is written down.
if [ "${1:-}" = record ]; then
  shift; words=()
  case ${1:-} in
    -h | --help)
      echo "Usage: ws record -o FILE [OPTIONS] -- CLIENT ARGS"
      echo "Runs an unmodified KVM program as ws run does, and writes all that it asks of KVM, and is told, to FILE:"
      echo "for ws replay, ws explore and ws report (docs/recordings.md). OPTIONS are those of ws run (ws run --help)"
      echo "that say on what: --machine, --kernel, --without, --with, --cpus (1 unless given), --trap."
      exit 0 ;;
  esac
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in -o) words+=(--record) ;; *) words+=("$1") ;; esac
    shift
  done
  case " ${words[*]} " in *" --record "*) ;; *) echo "ws: record writes a file: ws record -o FILE -- CLIENT" >&2; exit 2 ;; esac
  case " ${words[*]} " in *" --cpus "*) ;; *) words+=(--cpus 1) ;; esac
  set -- run "${words[@]}" "$@"
fi
# A suite's clients are started one by one by the program, each by a launcher of its own.
suite=
if [ "${1:-}" = run ]; then
  for word in "$@"; do
    case $word in --) break ;; --suite | --suite=*) suite=yes ;; esac
  done
fi
# The launcher starts the client itself; it comes back here (WS_SLOW) when sources have changed.
[ "${1:-}" = run ] && [ -z "$suite${WS_SLOW:-}" ] && [ -x "$build/ws-run" ] && exec "$build/ws-run" "$home" .build "$@"
home=$(cd "$home" && pwd -P)
build=$home/.build
. "$home/tools/env.sh"
need_jdk

build() {
  need mvn maven; need cc gcc
  mkdir -p "$build/lib"
  say "building (first time or sources changed; about a minute)"
  (cd "$home" && mvn -q -B -DskipTests -Dspotless.apply.skip=true package dependency:copy-dependencies -DincludeScope=runtime -DexcludeGroupIds=dev.worldswitch -DoutputDirectory="$build/lib" >"$build/log" 2>&1) \
    || { grep -E '^\[ERROR\] .*(java|pom|failed|cannot|Could not)' "$build/log" | head -8 >&2; die "the build failed; its whole log is .build/log"; }
  rm -f "$build"/*.aot "$build"/lib/worldswitch-*.jar
  for m in machine kernel kvm explore server cli; do cp "$home/$m/target/$m-0.1.0.jar" "$build/lib/worldswitch-$m.jar"; done
  sh "$home/tools/build-native" "$build" || die "the shim does not compile; see above"
  touch "$build/stamp"
  class_path
  main=dev.worldswitch.cli.Main
  # What the launcher of `ws run` reads: names that options may have, and the server's command line.
  { echo; "$JAVA_HOME/bin/java" "${options[@]}" -cp "$cp" $main machines | sed -n 's/^\([a-z0-9][^ ]*\).*/machine \1/p'; "$JAVA_HOME/bin/java" "${options[@]}" -cp "$cp" $main kernels | sed -n 's/^\([0-9][^ ]*\).*/kernel \1/p'; } >"$build/names"
  # The start-up cache: classes as they are after a run of a real client, and of one whose guest gets translated.
  client=(true)
  [ -x "$build/demo-amx" ] && client=("$build/demo-amx")
  bash "$home/bench/build-guests" "$build/bench" >/dev/null 2>&1 \
    && client=(sh -c '"$1"; "$2" "$3"' sh "${client[0]}" "$build/bench/flat-vmm" "$build/bench/g3-1.bin")
  printf '%s\0' "$JAVA_HOME/bin/java" -XX:AOTCacheOutput="$build/ws.aot" "${options[@]}" -cp "$cp" $main >"$build/launch"
  WS_FRESH=1 WS_WAIT_SERVER=1 "$build/ws-run" "$home" .build run -- "${client[@]}" >/dev/null 2>&1
  # The same for the explorer.
  "$JAVA_HOME/bin/java" -XX:AOTCacheOutput="$build/explore.aot" "${options[@]}" "${exploring[@]}" -cp "$cp" $main explore sve-vl-window --events 2 --jobs 1 >/dev/null 2>&1
  [ -f "$build/ws.aot" ] || say "no start-up cache (start-up is slower, all else the same)"
  printf '%s\0' "$JAVA_HOME/bin/java" -XX:AOTCache="$build/ws.aot" "${options[@]}" -cp "$cp" $main >"$build/launch"
}

changed() {
  [ -f "$build/stamp" ] || return 0
  grep -qaF -- "-Dworldswitch.home=$home" "$build/launch" || return 0 # moved
  [ -n "$(find "$home"/{pom.xml,tools,shim,launcher,machine,kernel,kvm,explore,server,cli} \( -name target -prune \) -o \( -type f ! -path '*/src/test/*' -newer "$build/stamp" -print -quit \) 2>/dev/null)" ]
}

options=(--enable-native-access=ALL-UNNAMED --add-exports java.base/jdk.internal.vm=ALL-UNNAMED -XX:+UseSerialGC -XX:-UsePerfData -XX:TieredStopAtLevel="${WS_TIER:-4}" -Xlog:aot*=off -Xlog:os+thread=off -Dworldswitch.home="$home" -Dworldswitch.build="$build")
# Explorations are short: the best compiler is for the few loops that it pays for.
exploring=(-XX:Tier4InvocationThreshold=20000 -XX:Tier4MinInvocationThreshold=5000 -XX:Tier4CompileThreshold=60000 -XX:Tier4BackEdgeThreshold=400000)
class_path() {
  cp=$build/lib/worldswitch-cli.jar:$build/lib/worldswitch-server.jar:$build/lib/worldswitch-explore.jar:$build/lib/worldswitch-kvm.jar:$build/lib/worldswitch-kernel.jar:$build/lib/worldswitch-machine.jar
  for j in "$build"/lib/picocli*.jar; do cp=$cp:$j; done
}
case ${1:-} in
test)
  shift
  exec bash "$home/tools/test" "$@" ;;
esac
changed && build
[ "${1:-}" = run ] && [ -z "$suite" ] && WS_FRESH=1 exec "$build/ws-run" "$home" .build "$@"
[ "${1:-}" = demo ] && exec bash "$home/tools/demo"
class_path
cache=ws
[ "${1:-}" = explore ] && cache=explore && options+=("${exploring[@]}")
[ -f "$build/$cache.aot" ] && options+=(-XX:AOTCache="$build/$cache.aot")
exec "$JAVA_HOME/bin/java" "${options[@]}" -cp "$cp" dev.worldswitch.cli.Main "$@"
