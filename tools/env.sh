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
  type -P "$1" >/dev/null || die "$1 is missing. Install it: sudo apt-get install -y $2"
}

# One Maven at a time in a directory: all write to the same target/.
mvn() { (exec 8<pom.xml && flock 8 && command mvn "$@"); }

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

# private_apt DIRECTORY ARCHITECTURE SUITE: sets `options` for an apt-get with lists of its own in DIRECTORY, of SUITE of the archive
# that apt has its own packages from; nothing of apt's own is changed.
private_apt() {
  local codename uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v c="$codename" '$2 == c { print $1; exit }')
  [ -n "$uri" ] || return 1
  [ -f "$keyring" ] && keyring="signed-by=$keyring" || keyring=
  mkdir -p "$1/lists/partial" "$1/archives/partial"
  echo "deb [arch=$2 $keyring] $uri $3 main" >"$1/suite.list"
  chmod -R 777 "$1"
  options=(-qq -o "APT::Architecture=$2" -o "APT::Architectures::=$2" -o "Dir::Etc::sourcelist=$1/suite.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$1/lists" -o "Dir::Cache=$1")
}

# download_from SUITE DIRECTORY PACKAGE...: packages of another suite, as files in DIRECTORY.
download_from() {
  local suite=$1 to=$2 lists options
  shift 2
  lists=$(mktemp -d)
  private_apt "$lists" "$(dpkg --print-architecture)" "$suite" \
    && (cd "$to" && apt-get "${options[@]}" update && apt-get "${options[@]}" download "$@") >/dev/null 2>&1
  local status=$?
  rm -rf "$lists"
  return $status
}

# unpack_foreign ARCHITECTURE DIRECTORY PACKAGE...: packages of the configured suite for another architecture, unpacked in DIRECTORY
# with all that they depend on, as a root directory for qemu-user.
unpack_foreign() {
  local arch=$1 to=$2 lists options
  shift 2
  lists=$(mktemp -d)
  : >"$lists/status"
  private_apt "$lists" "$arch" "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" \
    && options+=(-o "Dir::State::status=$lists/status" -o APT::Sandbox::User=root) \
    && apt-get "${options[@]}" update >/dev/null 2>&1 \
    && apt-get "${options[@]}" install -y -d --no-install-recommends "$@" >/dev/null 2>&1 \
    && mkdir -p "$to" && for p in "$lists"/archives/*.deb; do dpkg -x "$p" "$to" || false; done
  local status=$?
  rm -rf "$lists"
  return $status
}
