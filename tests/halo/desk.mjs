// A desk: the state that a test gave it, and what happened to it since.

import { randomBytes, randomUUID } from 'node:crypto';
import { Faults } from '../entra/faults.mjs';
import { Webhook } from './webhook.mjs';

const COLLECTIONS = [
    'statuses',
    'ticketTypes',
    'outcomes',
    'users',
    'agents',
    'assets',
    'tickets',
    'processes',
];

const STATE = () => ({
    statuses: [
        { id: 1, name: 'New' },
        { id: 2, name: 'In Progress' },
        { id: 8, name: 'Declined', closes: true },
        { id: 9, name: 'Closed', closes: true },
        { id: 10, name: 'Withdrawn', closes: true },
    ],
    ticketTypes: [
        { id: 1, name: 'Incident' },
        { id: 30, name: 'Request BitLocker Key', approval_process_id: 3 },
    ],
    outcomes: [
        { id: 7, outcome: 'Private Note' },
        { id: 40, outcome: 'Clavis' },
    ],
    users: [],
    agents: [],
    assets: [],
    tickets: [],
    processes: [{ id: 3, name: 'Key', steps: [{ id: 1, autoapproveifrequester: false }] }],
});

const SETTINGS = () => ({
    client_id: randomUUID(),
    client_secret: `${randomUUID()}-${randomBytes(12).toString('hex')}`,
    // A desk that somebody hosts themselves has none.
    tenant: 'example',
    scopes: ['read:tickets', 'edit:tickets', 'read:customers', 'read:assets'],
    accessTokenLifetime: 3600,
    // 429 after so many calls in so many seconds.
    rateLimit: { calls: 700, seconds: 300 },
    latencyMs: 0,
    // What it says the time is, instead of this machine's.
    now: null,
    // IDs go out as texts.
    idsAsText: false,
    // Refuses whoever wants to end a ticket, whatever the outcome.
    endingsRefused: false,
    // Answers a note with the note.
    notesAnswered: true,
    // What may be read of the desk's own settings: none where the application may not.
    control: { allow_anonymous_approvals: false, reauthorizeforapprovals: true },
    configurationReadable: true,
    // Whether the application may read agents.
    agentsReadable: true,
    webhook: null,
});

export class Desk {
    constructor(state) {
        this.settings = SETTINGS();
        Object.assign(this, STATE());
        this.actions = [];
        this.tokens = new Map();
        this.faults = new Faults();
        this.webhook = new Webhook(this);
        this.recent = [];
        this.calls = [];
        this.counters = { inFlight: 0, mostInFlight: 0, tokenRequests: 0 };
        this.change(state);
    }

    /** Settings and whole collections are replaced. */
    change({ faults, ...state }) {
        for (const [name, value] of Object.entries(state)) {
            if (name === 'tickets') this.tickets = value.map((ticket) => this.#whole(ticket));
            else if (COLLECTIONS.includes(name)) this[name] = value;
            else if (name in this.settings) this.settings[name] = value;
            else throw new Error(`a desk has no ${name}`);
        }
        if (faults) this.faults.replace(faults);
    }

    /** As Halo writes it: UTC, without saying so. */
    now() {
        return new Date(this.settings.now ?? Date.now()).toISOString().replace('Z', '');
    }

    find(collection, id) {
        return this[collection].find((object) => String(object.id) === String(id));
    }

    /** Makes a ticket, or changes the one with its ID. */
    put(given) {
        const known = given.id === undefined ? undefined : this.find('tickets', given.id);
        const ticket = known ?? this.#whole(given);
        if (known) Object.assign(known, given);
        else this.tickets.push(ticket);
        this.#touch(ticket);
        this.webhook.tell(ticket, null);
        return ticket;
    }

    delete(id) {
        this.tickets = this.tickets.filter((ticket) => String(ticket.id) !== String(id));
    }

    act(ticket, action) {
        const whole = {
            id: this.actions.length + 1,
            datetime: this.now(),
            who: 'Clavis',
            ...action,
        };
        this.actions.push(whole);
        if (action.new_status !== undefined) ticket.status_id = Number(action.new_status);
        this.#touch(ticket);
        this.webhook.tell(ticket, whole);
        return whole;
    }

    /** Sets the rows of a ticket's approval, whoever asks for it. */
    decide(ticket, { seq, actionnumber, result, ...more }) {
        const row = ticket.approvers.find(
            (it) =>
                it.seq === seq && (actionnumber === undefined || it.actionnumber === actionnumber),
        );
        if (!row) return undefined;
        Object.assign(row, { result, dateapproved: this.now() }, more);
        this.#touch(ticket);
        this.webhook.tell(ticket, null);
        return row;
    }

    #whole(ticket) {
        const highest = Math.max(1000, ...(this.tickets ?? []).map(({ id }) => Number(id)));
        const whole = {
            id: highest + 1,
            summary: 'Request BitLocker Key',
            details: 'It asks for the key since the update.',
            status_id: 1,
            tickettype_id: 30,
            hasbeenclosed: false,
            assets: [],
            approvers: [],
            approvers_history: [],
            approval_status: 0,
            customfields: [],
            loggedonbehalfby: '',
            dateoccurred: this.now(),
            last_update: this.now(),
            ...ticket,
        };
        whole.approvers = whole.approvers.map((row, at) => ({
            seq: at + 1,
            actionnumber: 1,
            result: 0,
            dateapproved: '1900-01-01T00:00:00',
            admin_overridden: false,
            delegated_by_uid: 0,
            ...row,
        }));
        return whole;
    }

    #touch(ticket) {
        ticket.last_update = this.now();
        if (this.find('statuses', ticket.status_id)?.closes) ticket.hasbeenclosed = true;
    }
}
