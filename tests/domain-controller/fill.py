#!/usr/bin/python3
"""Fills a freshly provisioned domain with people, computers and recovery records: fill.py DIR

Writes DIR/expected.json: what the tests may expect, and DIR/NAME.password for each service
account. Everything but the objectGUIDs, which the domain gives out, is the same in every run.
"""

import hashlib
import json
import os
import sys
import uuid

from ldb import Dn, FLAG_MOD_REPLACE, Message, MessageElement
from samba.auth import system_session
from samba.ndr import ndr_unpack
from samba.dcerpc import misc, security
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

BASE = "DC=corp,DC=example,DC=com"
DEVICES = f"OU=Devices,{BASE}"
STAFF = f"OU=Staff,{BASE}"
ODD_OU = r"OU=Sales\, \"EMEA\" (old)*," + DEVICES
PASSWORD = "Passw0rd-for-tests"
RECORD_CLASS = "ea715d30-8f53-40d0-bd1e-6109186d782c"
RECOVERY_PASSWORD = "43061ac1-c8ad-4ccc-b785-2bfac20fc60a"
MASS = 2000


def main(directory):
    parameters = LoadParm()
    parameters.load(f"{directory}/etc/smb.conf")
    domain = Domain(
        SamDB(
            url=f"{directory}/private/sam.ldb",
            session_info=system_session(),
            lp=parameters,
        ),
        directory,
    )
    domain.db.transaction_start()
    try:
        accounts(domain)
        units(domain)
        people(domain)
        approving(domain)
        devices(domain)
        many_devices(domain)
    except BaseException:
        domain.db.transaction_cancel()
        raise
    domain.db.transaction_commit()
    with open(f"{directory}/expected.json", "w") as file:
        json.dump(domain.expected, file, indent=1)


def accounts(domain):
    """Service accounts, from no rights to all."""
    for name in ["svc-plain", "svc-clavis", "svc-blind", "svc-wide", "svc-admin"]:
        domain.user(name, f"CN=Users,{BASE}", password=PASSWORD)
        with open(f"{domain.directory}/{name}.password", "w") as file:
            file.write(PASSWORD)
    domain.members(f"CN=Domain Admins,CN=Users,{BASE}", [f"CN=svc-admin,CN=Users,{BASE}"])


def units(domain):
    """The folders of devices, with the rights delegated that their objects will inherit."""
    domain.add(DEVICES, objectClass="organizationalUnit")
    see = f"(OA;CIIO;RPLCLORC;;{RECORD_CLASS};%s)"
    read = f"(OA;CIIO;RPCR;{RECOVERY_PASSWORD};{RECORD_CLASS};%s)"
    everything = f"(OA;CIIO;GA;;{RECORD_CLASS};%s)"
    for account, rights in [
        ("svc-clavis", [see, read]),
        ("svc-blind", [see]),
        ("svc-wide", [everything]),
    ]:
        sid = domain.sid(f"CN={account},CN=Users,{BASE}")
        for right in rights:
            SDUtils(domain.db).dacl_add_ace(DEVICES, right % sid)
    for unit in [f"OU=Laptops,{DEVICES}", f"OU=Berlin,OU=Laptops,{DEVICES}", ODD_OU]:
        domain.add(unit, objectClass="organizationalUnit")


def people(domain):
    """Managers, a loop of them, people without one, shared mail, groups in groups."""
    domain.add(STAFF, objectClass="organizationalUnit")
    anna = domain.person("anna", "Anna Berg", mail="anna.berg@example.com")
    boss = domain.person("bert", "Bert Boss", mail="bert.boss@example.com")
    chief = domain.person("chief", "Clara Chief", mail="clara.chief@example.com")
    odd = domain.person("odd", r"O'Dd\, Åsa (she\+her)*", mail="asa@example.com")
    domain.replace(anna, "manager", boss)
    domain.replace(boss, "manager", chief)
    domain.replace(odd, "manager", anna)

    one = domain.person("loop1", "Lou One", mail="loop1@example.com")
    two = domain.person("loop2", "Lou Two", mail="loop2@example.com")
    domain.replace(one, "manager", two)
    domain.replace(two, "manager", one)

    gone = domain.person("gone", "Gerd Gone", mail="gerd.gone@example.com", control=514)
    domain.replace(gone, "manager", boss)
    # 2001-01-01, in steps of 100 ns since 1601.
    past = domain.person("past", "Paula Past", mail="paula.past@example.com")
    domain.replace(past, "accountExpires", "126227808000000000")
    domain.person("nomail", "Nora Nomail")
    domain.person("share1", "Shared One", mail="shared@example.com")
    domain.person("share2", "Shared Two", mail="Shared@example.com")
    domain.add(f"CN=Contact,{STAFF}", objectClass="contact", mail="contact@example.com")

    inner = domain.group("inner", [anna, gone])
    middle = domain.group("middle", [inner, boss])
    domain.group("Key (approvers), all", [middle, chief], account="approvers")
    domain.members(inner, [f"CN=Key (approvers)\\, all,{STAFF}"])
    domain.group("nobody", [])


def approving(domain):
    """Groups that approve and that have roles, and people who would approve their own requests."""
    pia, paul, petra = (
        domain.person(account, f"{account.title()} Panel", mail=f"{account}.panel@example.com")
        for account in ["pia", "paul", "petra"]
    )
    inner = domain.group("GG-Panel-Inner", [paul, petra])
    domain.group("GG-Panel", [pia, inner])

    dora = domain.person("dora", "Dora Desk", mail="dora.desk@example.com")
    ruth = domain.person("ruth", "Ruth Record", mail="ruth.record@example.com")
    own = domain.person("selma", "Selma Self", mail="selma.self@example.com")
    domain.replace(own, "manager", own)
    plain = domain.person("tilda", "Tilda Twin", mail="tilda.twin@example.com")
    other = domain.person("tilda-admin", "Tilda Twin (admin)", mail="Tilda.Twin@example.com")
    domain.replace(plain, "manager", other)

    boss, chief = f"CN=Bert Boss,{STAFF}", f"CN=Clara Chief,{STAFF}"
    domain.replace(dora, "manager", chief)
    agents = domain.group("GG-Agents-Inner", [dora, boss, other])
    domain.group("GG-ServiceDesk", [agents])
    domain.group("GG-Audit", [ruth])
    domain.group("GG-Break-Glass", [dora, other])
    domain.group("GG-Last-Resort", [chief, petra])


def devices(domain):
    """Devices that each show one thing."""
    laptops = f"OU=Laptops,{DEVICES}"
    berlin = f"OU=Berlin,{laptops}"
    anna = f"CN=Anna Berg,{STAFF}"

    one = domain.device("LT-0001", berlin, dns="lt-0001.corp.example.com", owner=anna)
    domain.record(one, "lt-0001 os", "os", "2026-01-02T10:00:00Z")

    # Three keys of one volume, one of another, one of a volume that is not named.
    stale = domain.device("LT-0002", laptops, dns="lt-0002.corp.example.com", owner=anna)
    domain.record(stale, "lt-0002 first", "os", "2024-03-01T08:00:00Z")
    domain.record(stale, "lt-0002 newest", "os", "2026-02-03T09:30:00Z")
    domain.record(stale, "lt-0002 second", "os", "2025-05-06T07:00:00Z")
    domain.record(stale, "lt-0002 data", "data", "2025-01-01T00:00:00Z")
    domain.record(stale, "lt-0002 unnamed", None, "2025-01-02T00:00:00Z")

    domain.device("LT-0003", laptops, dns="lt-0003.corp.example.com")
    damaged = domain.device("LT-0004", laptops, dns="lt-0004.corp.example.com")
    domain.record(damaged, "lt-0004 damaged", "os", "2026-01-01T00:00:00Z", damaged=True)
    domain.record(damaged, "lt-0004 sound", "data", "2026-01-01T00:00:00Z")

    odd = domain.device(r"KIOSK (lobby)\, 1\+2", ODD_OU, account="KIOSK-LOBBY")
    domain.record(odd, "kiosk", "os", "2026-01-05T00:00:00Z")

    for unit, account in [(laptops, "TWIN"), (berlin, "TWIN-B")]:
        twin = domain.device("TWIN", unit, account=account)
        domain.record(twin, account, "os", "2026-01-06T00:00:00Z")
    outside = domain.device("OUTSIDE", f"CN=Computers,{BASE}", dns="outside.corp.example.com")
    domain.record(outside, "outside", "os", "2026-01-06T00:00:00Z")


def many_devices(domain):
    """Enough devices for several pages; most have a record, all of the first are one person's."""
    bulk = f"OU=Bulk,{DEVICES}"
    domain.add(bulk, objectClass="organizationalUnit")
    pool = domain.person("pool", "Pool Keeper", mail="pool@example.com")
    owned = MASS * 3 // 5
    for block in range(MASS // 200):
        unit = f"OU=Block {block},{bulk}"
        domain.add(unit, objectClass="organizationalUnit")
        for number in range(block * 200, (block + 1) * 200):
            dn = domain.computer(
                f"PC-{number:05}",
                unit,
                dns=f"pc-{number:05}.corp.example.com",
                owner=pool if number < owned else None,
            )
            if number % 2 == 0:
                domain.escrow(dn, f"pc {number}", "os", "2026-01-01T00:00:00Z")
    domain.expected["pool_devices"] = owned


class Domain:
    """A domain that is being filled, and what the tests may expect of it."""

    def __init__(self, db, directory):
        self.db = db
        self.directory = directory
        self.expected = {"base": BASE, "devices_base": DEVICES, "people": {}, "devices": {}}

    def add(self, dn, **attributes):
        self.db.add({"dn": dn, **{k: v for k, v in attributes.items() if v is not None}})
        return dn

    def replace(self, dn, attribute, value, controls=None):
        message = Message(Dn(self.db, dn))
        message[attribute] = MessageElement(value, FLAG_MOD_REPLACE, attribute)
        self.db.modify(message, controls)

    def look_up(self, dn, attribute):
        return self.db.search(dn, attrs=[attribute], scope=0)[0][attribute][0]

    def guid(self, dn):
        return str(ndr_unpack(misc.GUID, self.look_up(dn, "objectGUID")))

    def sid(self, dn):
        return str(ndr_unpack(security.dom_sid, self.look_up(dn, "objectSid")))

    def user(self, account, parent, name=None, mail=None, control=512, password=None):
        first, _, last = unescaped(name or account).partition(" ")
        dn = self.add(
            f"CN={name or account},{parent}",
            objectClass="user",
            sAMAccountName=account,
            userPrincipalName=f"{account}@corp.example.com",
            displayName=unescaped(name or account),
            givenName=first,
            sn=last or None,
            mail=mail,
        )
        if password:
            self.replace(dn, "unicodePwd", f'"{password}"'.encode("utf-16-le"))
        self.replace(dn, "userAccountControl", str(control if password else control | 32))
        return dn

    def person(self, account, name, mail=None, control=512):
        dn = self.user(account, STAFF, name, mail, control)
        self.expected["people"][account] = {
            "dn": dn,
            "id": self.guid(dn),
            "name": unescaped(name),
            "mail": mail,
        }
        return dn

    def group(self, name, members, account=None):
        dn = f"CN={name}".replace(", all", r"\, all") + f",{STAFF}"
        self.add(dn, objectClass="group", sAMAccountName=account or name)
        self.members(dn, members)
        return dn

    def members(self, group, members):
        if members:
            message = Message(Dn(self.db, group))
            message["member"] = MessageElement(members, 1, "member")
            self.db.modify(message)

    def computer(self, name, parent, account=None, dns=None, owner=None):
        return self.add(
            f"CN={name},{parent}",
            objectClass="computer",
            sAMAccountName=f"{account or name}$",
            userAccountControl="4096",
            dNSHostName=dns,
            managedBy=owner,
        )

    def device(self, name, parent, account=None, dns=None, owner=None):
        """A computer of which the tests expect something."""
        dn = self.computer(name, parent, account, dns, owner)
        self.expected["devices"][account or name] = {
            "dn": dn,
            "id": self.guid(dn),
            "name": unescaped(name),
            "records": {},
        }
        self._account = account or name
        return dn

    def record(self, computer, name, volume, time, damaged=False):
        """A recovery record of which the tests expect something."""
        key_id, key, volume = self.escrow(computer, name, volume, time, damaged)
        self.expected["devices"][self._account]["records"][name] = {
            "key_id": str(key_id),
            "key": key,
            "volume": volume and str(volume),
            "time": time,
        }

    def escrow(self, computer, name, volume, time, damaged=False):
        key_id = uuid.uuid5(uuid.NAMESPACE_DNS, name)
        volume = volume and uuid.uuid5(uuid.NAMESPACE_DNS, f"{computer} {volume}")
        key = recovery_key(key_id)
        if damaged:
            key = key[:-1] + str((int(key[-1]) + 1) % 10)
        dn = f"CN={time[:-1]}-00:00{{{str(key_id).upper()}}},{computer}"
        package = hashlib.sha256(key.encode()).digest()
        attributes = {
            "objectClass": "msFVE-RecoveryInformation",
            "msFVE-RecoveryPassword": key,
            "msFVE-RecoveryGuid": key_id.bytes_le,
            "msFVE-VolumeGuid": volume and volume.bytes_le,
            "msFVE-KeyPackage": package,
        }
        self.add(dn, **attributes)
        digits = "".join(c for c in time if c.isdigit())
        self.replace(dn, "whenCreated", f"{digits}.0Z", controls=["relax:0"])
        return key_id, key, volume


def recovery_key(key_id):
    """The key of a key ID: group n is 11 times the nth 16-bit number of the ID's SHA-256."""
    digest = hashlib.sha256(str(key_id).encode()).digest()
    numbers = [int.from_bytes(digest[at : at + 2], "big") for at in range(0, 16, 2)]
    return "-".join(f"{11 * number:06}" for number in numbers)


def unescaped(name):
    return name.replace("\\", "")


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv[1])
