// The part of OData that the calls take: which options, which filters, which properties, and pages.

import { randomBytes } from 'node:crypto';
import { same } from '../tenants.mjs';
import { GraphError } from './error.mjs';

/** Refuses query options other than these. */
export function allow({ query }, ...names) {
    for (const name of query.keys()) {
        if (!names.includes(name))
            throw GraphError.badRequest(
                `The query option '${name}' is not supported by this call.`,
            );
    }
}

/** The names in $select, or nothing. */
export function selected({ query }) {
    return query
        .get('$select')
        ?.split(',')
        .map((name) => name.trim());
}

/** An object as it is answered: the properties that were asked for, or the type's usual ones. */
export function shape(type, object, names) {
    for (const name of names ?? []) {
        if (!type.properties.includes(name))
            throw GraphError.badRequest(
                `Could not find a property named '${name}' on type 'microsoft.graph.${type.name}'.`,
            );
    }
    return Object.fromEntries(
        (names ?? type.usual).map((name) => [
            name,
            object[name] ?? (LISTS.includes(name) ? [] : null),
        ]),
    );
}

/**
 * The objects that a filter takes, in the few forms that are needed: `eq` and `startswith` on
 * one of the fields, `proxyAddresses/any(…)`, and several of these joined by `or`.
 */
export function filtered(objects, filter, fields) {
    if (filter === undefined) return objects;
    const parts = alternatives(filter);
    if (parts.length > 15)
        throw GraphError.unsupported(
            `Too many child clauses specified in search filter expression containing 'OR' operators: ${parts.length}. Max allowed: 15.`,
        );
    const tests = parts.map((text) => test(text, fields));
    return objects.filter((object) => tests.some((holds) => holds(object)));
}

/** One page of a list, with the link to the next. */
export function page(world, tenant, exchange, context, objects) {
    const { path, query } = exchange;
    const size = Math.min(top(query) ?? Infinity, tenant.settings.pageSize);
    const from = start(tenant, path, query);
    const next =
        from + size < objects.length
            ? { '@odata.nextLink': link(tenant, exchange, from + size) }
            : {};
    const count =
        query.get('$count') === 'true' && from === 0 ? { '@odata.count': objects.length } : {};
    const body = {
        '@odata.context': `${world.address.graph}/v1.0/$metadata#${context}`,
        ...count,
        ...next,
        value: objects.slice(from, from + size),
    };
    return { body };
}

// Of these there may be many, and where there are none, the list is empty.
const LISTS = [
    'businessPhones',
    'groupTypes',
    'otherMails',
    'physicalIds',
    'proxyAddresses',
    'systemLabels',
];

const TEXT = "'((?:[^']|'')*)'";
const FORMS = [
    [new RegExp(`^(\\w+) eq ${TEXT}$`), (field, value) => (object) => same(object[field], value)],
    [/^(\w+) eq (true|false)$/, (field, value) => (object) => object[field] === (value === 'true')],
    [
        new RegExp(`^startswith\\((\\w+), ?${TEXT}\\)$`),
        (field, value) => (object) =>
            object[field]?.toLowerCase().startsWith(value.toLowerCase()) ?? false,
    ],
    [
        new RegExp(`^(proxyAddresses)/any\\((?:(\\w+): ?\\2) eq ${TEXT}\\)$`),
        (field, _, value) => (object) => (object[field] ?? []).some((one) => same(one, value)),
    ],
];

function test(text, fields) {
    for (const [form, make] of FORMS) {
        const [, field, ...values] = form.exec(text) ?? [];
        if (!field) continue;
        if (!fields.includes(field))
            throw GraphError.unsupported(
                `Unsupported or invalid query filter clause specified for property '${field}' of resource.`,
            );
        return make(field, ...values.map((value) => value.replaceAll("''", "'")));
    }
    throw GraphError.badRequest('Invalid filter clause', 'BadRequest');
}

// An `or` inside of quotes joins nothing.
function alternatives(filter) {
    return (
        filter
            .match(/(?:'(?:[^']|'')*'|(?! or )[^'])+/g)
            ?.map((text) => text.replace(/^or /, '')) ?? ['']
    );
}

function top(query) {
    if (!query.has('$top')) return undefined;
    const size = Number(query.get('$top'));
    if (!Number.isInteger(size) || size < 1 || size > 999)
        throw GraphError.badRequest(
            'Invalid page size specified. Must be between 1 and 999 inclusive.',
        );
    return size;
}

function start(tenant, path, query) {
    if (!query.has('$skiptoken')) return 0;
    const known = tenant.skipTokens.get(query.get('$skiptoken'));
    if (known?.path !== path)
        throw GraphError.badRequest(
            'Skip token is invalid or expired.',
            'Directory_ExpiredPageToken',
        );
    return known.from;
}

function link(tenant, { origin, path, rawQuery }, from) {
    const token = randomBytes(24).toString('base64url');
    tenant.skipTokens.set(token, { path, from });
    const rest = rawQuery.split('&').filter((pair) => pair && !/^(\$|%24)skiptoken=/i.test(pair));
    return `${origin}${path}?${[...rest, `$skiptoken=${token}`].join('&')}`;
}
