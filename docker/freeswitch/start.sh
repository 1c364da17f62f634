#!/bin/sh
# Starts FreeSWITCH on a copy of our configuration, with the values of the environment in vars.xml and the site's gateways in
# place. Runs in any image that has a freeswitch program.
set -eu

source=${SOURCE:-/trunkline}
place=${PLACE:-/run/trunkline-freeswitch}
logs=${LOGS:-/var/log/freeswitch}
mkdir -p "$place/conf" "$place/db" "$place/run" "$place/storage" "$place/tmp" "$place/cache"
cp -R "$source/freeswitch_conf/." "$place/conf/"
cp "$source"/dialplan/*.xml "$place/conf/dialplan/"
for gateway in "$source"/gateways/*.xml; do
    [ ! -e "$gateway" ] || cp "$gateway" "$place/conf/sip_profiles/trunkline/"
done

# $1 = name, $2 = value; refused if it could end the attribute it stands in.
set_var() {
    case $2 in
    *[!A-Za-z0-9._:@%+=-]*) echo "start.sh: $1 may hold letters, digits and . _ : @ % + = - only" >&2 && exit 1 ;;
    esac
    sed -i "s|data=\"$1=[^\"]*\"|data=\"$1=$2\"|" "$place/conf/vars.xml"
}
set_var trunkline_esl_port "$ESL_PORT"
set_var trunkline_esl_password "$ESL_PASSWORD"
set_var trunkline_sip_ip "$SIP_IP"
set_var trunkline_external_ip "${SIP_EXTERNAL_IP:-$SIP_IP}"
set_var trunkline_sip_port "$SIP_PORT"

exec "${FREESWITCH:-freeswitch}" -nonat -nf -nc -conf "$place/conf" -log "$logs" -db "$place/db" \
    -run "$place/run" -storage "$place/storage" -temp "$place/tmp" -cache "$place/cache"
