# Sourced by ws and by the scripts in tools/: finds JDK 25 and names what is missing. No output when all is there.
say() { printf 'ws: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

find_jdk() {
  local d
  for d in "${JAVA_HOME:-}" "${JDK25_HOME:-}" /usr/lib/jvm/* /opt/java/* "$HOME"/.sdkman/candidates/java/*; do
    [ -n "$d" ] && [ -f "$d/release" ] && grep -q '^JAVA_VERSION="25' "$d/release" && [ -x "$d/bin/javac" ] && { printf '%s' "$d"; return; }
  done
  return 1
}

need_jdk() {
  JAVA_HOME=$(find_jdk) || die "JDK 25 is missing. Install Temurin 25 (package temurin-25-jdk of Adoptium) or set JDK25_HOME."
  export JAVA_HOME
}

need() { # command, Debian package
  command -v "$1" >/dev/null 2>&1 || die "$1 is missing. Install it: sudo apt-get install -y $2"
}

# Debian packages that a test or a build needs: installs those that are missing when run as root, names them otherwise.
need_packages() {
  local p missing=
  command -v dpkg >/dev/null 2>&1 || return 0
  for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"; done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || die "missing:$missing. Install them: sudo apt-get install -y$missing"
  say "installing$missing"
  (
    # apt gives up where another apt is at work.
    exec 9<"${BASH_SOURCE[0]}" && flock 9
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
  ) >/dev/null 2>&1 || die "cannot install$missing"
}
