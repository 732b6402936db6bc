// Mail through a mailbox of the tenant: sendMail, as JSON and as MIME.

import { same } from '../tenants.mjs';
import { GraphError } from './error.mjs';

const REFUSAL = {
    code: 'ErrorAccessDenied',
    message: 'Access is denied. Check credentials and try again.',
};
const LARGEST = 4 * 1024 * 1024;

export const MAIL_ROUTES = [
    {
        route: 'POST /users/{id}/sendMail',
        roles: ['Mail.Send'],
        refusal: REFUSAL,
        answer: sendMail,
    },
];

async function sendMail({ tenant, exchange, id }) {
    const mailbox = tenant.user(id);
    if (!mailbox)
        throw new GraphError(404, 'ErrorInvalidUser', `The requested user '${id}' is invalid.`);
    if (!mailbox.mail)
        throw new GraphError(
            404,
            'MailboxNotEnabledForRESTAPI',
            'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
        );
    const body = await exchange.body();
    if (body.length > LARGEST)
        throw new GraphError(413, 'RequestEntityTooLarge', 'The request is larger than 4 MB.');
    const type = exchange.headers['content-type']?.split(';')[0].trim().toLowerCase();
    const read = { 'text/plain': readMime, 'application/json': readJson }[type];
    if (!read)
        throw new GraphError(
            415,
            'UnsupportedMediaType',
            'The content type is neither application/json nor text/plain.',
        );
    const mail = read(body.toString());
    if (
        mail.from &&
        ![mailbox.mail, mailbox.userPrincipalName].some((own) => same(own, mail.from))
    ) {
        throw new GraphError(
            403,
            'ErrorSendAsDenied',
            'The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.',
        );
    }
    tenant.mails.push({ mailbox: mailbox.mail, at: Date.now(), ...mail });
    return { status: 202 };
}

function readMime(text) {
    const base64 = text.replace(/\s/g, '');
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) {
        throw GraphError.badRequest(
            'Invalid base64 string for MIME content.',
            'ErrorMimeContentInvalidBase64String',
        );
    }
    const mime = Buffer.from(base64, 'base64').toString();
    const head = headers(mime);
    if (!['to', 'cc', 'bcc'].some((name) => head.get(name)?.includes('@'))) throw noRecipients();
    return { form: 'mime', from: address(head.get('from')), mime, message: null };
}

function readJson(text) {
    let message, saveToSentItems;
    try {
        ({ message, saveToSentItems = true } = JSON.parse(text));
    } catch {
        throw GraphError.badRequest('Unable to read JSON request payload.');
    }
    if (!message?.toRecipients?.some((one) => one?.emailAddress?.address?.includes('@')))
        throw noRecipients();
    const odd = message.internetMessageHeaders?.find(({ name }) => !/^x-/i.test(name));
    if (odd)
        throw GraphError.badRequest(
            `The internet message header name '${odd.name}' should start with 'x-' or 'X-'.`,
            'InvalidInternetMessageHeader',
        );
    return {
        form: 'json',
        from: message.from?.emailAddress?.address ?? null,
        mime: null,
        message,
        saveToSentItems,
    };
}

const noRecipients = () =>
    GraphError.badRequest('At least one recipient is not valid.', 'ErrorInvalidRecipients');

// The head of a mail, with folded lines joined.
function headers(mime) {
    const [head] = mime.split(/\r?\n\r?\n/);
    const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
    return new Map(
        lines
            .map((line) => line.split(/:\s*(.*)/s))
            .map(([name, value]) => [name.toLowerCase(), value]),
    );
}

function address(from) {
    return from ? (/<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim()) : null;
}
