// A tenant: the state that a test gave it, and what happened to it since. Tenants share nothing, so
// tests run side by side against one process.

import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { Faults } from './faults.mjs';

const COLLECTIONS = {
    devices: () => ({
        id: randomUUID(),
        deviceId: randomUUID(),
        accountEnabled: true,
        operatingSystem: 'Windows',
        trustType: 'AzureAd',
    }),
    recoveryKeys: () => ({
        id: randomUUID(),
        createdDateTime: new Date().toISOString(),
        volumeType: 1,
    }),
    users: () => ({ id: randomUUID(), accountEnabled: true }),
    contacts: () => ({ id: randomUUID() }),
    groups: () => ({ id: randomUUID(), securityEnabled: true, mailEnabled: false, groupTypes: [] }),
    managedDevices: () => ({
        id: randomUUID(),
        operatingSystem: 'Windows',
        complianceState: 'compliant',
        deviceEnrollmentType: 'windowsAzureADJoin',
        deviceRegistrationState: 'registered',
        enrolledDateTime: new Date().toISOString(),
        isEncrypted: true,
        lastSyncDateTime: new Date().toISOString(),
        managedDeviceOwnerType: 'company',
        managementAgent: 'mdm',
    }),
};

const SETTINGS = () => ({
    client_id: randomUUID(),
    client_secret: randomBytes(24).toString('base64url'),
    certificates: [],
    federation: null,
    managedIdentity: { client_id: null },
    roles: [],
    otherResources: { 'https://outlook.office365.com': ['SMTP.SendAsApp'] },
    accessTokenLifetime: 3599,
    pageSize: 100,
    volumeTypeAs: 'name',
    keyAnswer: 'flat',
    latencyMs: 0,
    redirectUris: [],
    signedOutUris: [],
    signsIn: null,
    idToken: {},
});

export class Tenant {
    constructor(state) {
        this.id = randomUUID();
        this.settings = SETTINGS();
        for (const name of Object.keys(COLLECTIONS)) this[name] = [];
        this.faults = new Faults();
        this.forgetCalls();
        this.audit = [];
        this.rotations = [];
        this.mails = [];
        this.skipTokens = new Map();
        this.rolledKey = null;
        // Tokens carry the number that was current when they were issued.
        this.tokenGeneration = 1;
        this.change(state);
    }

    /** Settings and whole collections are replaced; `add` and `remove` change single objects. */
    change({ faults, add = {}, remove = {}, ...state }) {
        for (const [name, value] of Object.entries(state)) {
            if (name in COLLECTIONS) this[name] = value.map((object) => complete(name, object));
            else if (name in this.settings) this.settings[name] = value;
            else throw new Error(`a tenant has no ${name}`);
        }
        for (const [name, ids] of Object.entries(remove)) {
            this[collection(name)] = this[name].filter(
                ({ id }) => !ids.some((other) => same(id, other)),
            );
        }
        for (const [name, objects] of Object.entries(add)) {
            const added = objects.map((object) => complete(collection(name), object));
            this[name] = this[name]
                .filter(({ id }) => !added.some((other) => same(id, other.id)))
                .concat(added);
        }
        if (faults) this.faults.replace(faults);
    }

    find(name, id) {
        return this[name].find((object) => same(object.id, id));
    }

    /** A user by object id or user principal name, as Graph takes them in a path. */
    user(key) {
        return this.users.find(
            ({ id, userPrincipalName }) => same(id, key) || same(userPrincipalName, key),
        );
    }

    certificate(thumbprint) {
        return this.settings.certificates
            .map((pem) => new X509Certificate(pem))
            .find(
                ({ fingerprint256 }) =>
                    Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url') ===
                    thumbprint,
            );
    }

    forgetCalls() {
        this.calls = [];
        this.counters = {
            graphCalls: 0,
            tokenRequests: 0,
            tokensIssued: 0,
            keysRead: 0,
            mostInFlight: 0,
            inFlight: this.counters?.inFlight ?? 0,
        };
    }

    expireTokens() {
        this.tokenGeneration += 1;
    }
}

export class Tenants {
    #tenants = new Map();

    make(state) {
        const tenant = new Tenant(state);
        this.#tenants.set(tenant.id, tenant);
        return tenant;
    }

    get(id) {
        return this.#tenants.get(String(id).toLowerCase());
    }

    remove(id) {
        return this.#tenants.delete(id);
    }
}

/** Directory strings and GUIDs are compared without regard to case. */
export function same(one, other) {
    return (
        typeof one === 'string' &&
        typeof other === 'string' &&
        one.toLowerCase() === other.toLowerCase()
    );
}

function complete(name, object) {
    const whole = { ...COLLECTIONS[name](), ...object };
    if (name === 'users') whole.userPrincipalName ??= whole.mail;
    return whole;
}

function collection(name) {
    if (!(name in COLLECTIONS)) throw new Error(`a tenant has no ${name}`);
    return name;
}
