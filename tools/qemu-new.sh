#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: qemu-new.sh FOLDER
#
# Unpacks a newer QEMU than the packaged one, with every library it needs, from Debian's
# unstable suite into FOLDER, and writes FOLDER/qemu-system-x86_64, which runs it through its
# own loader. Nothing is installed, no maintainer script runs, and root is not needed. apt
# does the work with lists, caches and a package status of its own below FOLDER; it accepts
# only what the Debian archive keyring signs. The mirror is the one that this machine's apt
# uses. A second run finds what it wants and does nothing; `rm -r FOLDER` starts afresh.
set -eu

[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
suite=sid
packages="qemu-system-x86 qemu-system-data seabios"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
	echo "qemu-new: $*" >&2
	exit 1
}

folder=$1
wrapper=$folder/qemu-system-x86_64

works() {
	"$wrapper" --version >/dev/null 2>&1
}

if [ -e "$folder/complete" ] && works; then
	echo "qemu-new: $wrapper is there: $("$wrapper" --version | head -n 1)"
	exit 0
fi

[ "$(uname -m)" = x86_64 ] || fail "only for x86-64 hosts"
command -v apt-get >/dev/null 2>&1 || fail "needs apt-get, to fetch Debian's packages"
command -v dpkg-deb >/dev/null 2>&1 || fail "needs dpkg-deb, to unpack Debian's packages"
[ -r "$keyring" ] || fail "$keyring is missing (package debian-archive-keyring)"

# The first archive of Debian proper in apt's own sources, in either of their two formats.
mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
		2>/dev/null |
		awk '$1 == "URIs:" || $1 == "deb" {
			for (i = 2; i <= NF; i++)
				if ($i ~ /^https?:\/\/.*\/debian\/?$/) { print $i; exit }
		}'
}
uri=$(mirror)
: "${uri:=http://deb.debian.org/debian}"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
wrapper=$folder/qemu-system-x86_64
apt=$folder/apt
rm -rf "$apt" "$folder/root" "$folder/complete"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc" "$apt/state"
: >"$apt/state/status"
printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$keyring" "$uri" $suite >"$apt/etc/sources.list"

# Of this machine's apt only what concerns fetching holds (proxies, for how long lists are valid);
# everything else that apt would look up, or write, below /etc/apt and /var lies in $apt.
apt-config dump | grep '^Acquire::' >"$apt/etc/apt.conf" || true
cat >>"$apt/etc/apt.conf" <<CONF
Dir::Etc "$apt/etc";
Dir::Etc::Parts "/dev/null";
Dir::Etc::SourceList "$apt/etc/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::Trusted "/dev/null";
Dir::Etc::TrustedParts "/dev/null";
Dir::State "$apt/state";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/state/status";
Dir::Cache "$apt";
Dir::Cache::Archives "$apt/archives";
Dir::Log "$apt";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Get::AllowUnauthenticated "false";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
CONF

quietly() {
	"$@" >"$apt/log" 2>&1 || { tail -n 15 "$apt/log" >&2; return 1; }
}

export APT_CONFIG="$apt/etc/apt.conf"
echo "qemu-new: fetching $packages of Debian $suite from $uri"
# update succeeds with a warning when it got nothing; then there is no such package.
quietly apt-get -q update -o APT::Update::Error-Mode=any ||
	fail "the package lists of $suite cannot be had"
# shellcheck disable=SC2086 # a list of words
quietly apt-get -q -y install --download-only $packages || fail "the packages cannot be had"

for package in "$apt"/archives/*.deb; do
	dpkg-deb --extract "$package" "$folder/root" || fail "$package cannot be unpacked"
done
rm -rf "$apt"

loader=
for path in lib64/ld-linux-x86-64.so.2 usr/lib64/ld-linux-x86-64.so.2 \
	usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2; do
	[ ! -e "$folder/root/$path" ] || loader=$path
done
[ -n "$loader" ] || fail "no loader among the unpacked files"

cat >"$wrapper" <<WRAPPER
#!/bin/sh
# Written by tools/qemu-new.sh.
root=\$(dirname "\$(readlink -f "\$0")")/root
libraries=\$root/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="\$libraries/qemu"
exec "\$root/$loader" --library-path "\$libraries" --argv0 "\$0" "\$root/usr/bin/qemu-system-x86_64" \\
	-L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" "\$@"
WRAPPER
chmod 755 "$wrapper"
"$wrapper" --version >/dev/null || fail "what was unpacked does not run"
touch "$folder/complete"
echo "qemu-new: $wrapper: $("$wrapper" --version | head -n 1)"
