#!/usr/bin/env bash
# Worldswitch's launcher: builds when sources changed, then runs the command. `./ws --help` lists commands.
set -u
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
. "$home/tools/env.sh"
build=$home/.build
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
  "$JAVA_HOME/bin/java" -XX:AOTCacheOutput="$build/ws.aot" "${options[@]}" -cp "$cp" dev.worldswitch.cli.Main run -- true >/dev/null 2>&1 || say "no start-up cache (start-up is slower, all else the same)"
}

changed() {
  [ -f "$build/stamp" ] || return 0
  [ -n "$(find "$home"/{pom.xml,tools,shim,machine,kernel,kvm,explore,server,cli} \( -name target -prune \) -o \( -type f ! -path '*/src/test/*' -newer "$build/stamp" -print -quit \) 2>/dev/null)" ]
}

options=(--enable-native-access=ALL-UNNAMED --add-exports java.base/jdk.internal.vm=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel="${WS_TIER:-4}" -Xlog:aot*=off -Dworldswitch.home="$home" -Dworldswitch.build="$build")
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
[ "${1:-}" = demo ] && exec bash "$home/tools/demo"
class_path
[ -f "$build/ws.aot" ] && options+=(-XX:AOTCache="$build/ws.aot")
exec "$JAVA_HOME/bin/java" "${options[@]}" -cp "$cp" dev.worldswitch.cli.Main "$@"
