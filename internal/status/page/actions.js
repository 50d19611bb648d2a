// What an operator may do to an endpoint. Each action is confirmed first, and can be undone after.

import { call, endpointURL, get, poolURL } from './api.js';
import { openDialog, tell } from './dialog.js';
import { h } from './dom.js';
import { endpointState } from './states.js';

const overrides = {
	drain: { verb: 'Drain', done: 'drains', says: 'It finishes its requests and gets no new ones, unless only draining endpoints are left.' },
	ready: { verb: 'Make ready', done: 'is ready', says: 'It gets requests, even though its source or itself drains it. Failed checks still count.' },
	down: { verb: 'Take down', done: 'is down', says: 'It gets no requests, as if its checks failed.' },
	maintenance: { verb: 'Maintain', done: 'is in maintenance', says: 'It gets no requests at all, even if no other endpoint is left.' },
};

export const overrideStates = Object.keys(overrides);
export const verb = (state) => overrides[state].verb;

// quickAction is the button in the table: to drain an endpoint, or to end what keeps it drained.
export function quickAction(pool) {
	const ends = (endpoint) => Boolean(endpoint.override?.state);
	return {
		title: (endpoint) => (ends(endpoint) ? 'Resume' : 'Drain'),
		run: (endpoint) => (ends(endpoint) ? confirmEnd(pool(), endpoint.address) : confirmOverride(pool(), endpoint.address, 'drain')),
	};
}

const durations = [['', 'Until it is ended'], ['15m', '15 minutes'], ['1h', '1 hour'], ['8h', '8 hours'], ['24h', '1 day']];

function commonFields() {
	const until = h('select', { name: 'until' }, durations.map(([value, text]) => h('option', { value }, text)));
	const reason = h('input', { name: 'reason', autocomplete: 'off', maxlength: '200', placeholder: 'Others will read it' });
	return {
		elements: [h('label', {}, 'For', until), h('label', {}, 'Reason', reason)],
		values: () => ({ until: until.value || null, reason: reason.value.trim() || null }),
	};
}

export function confirmOverride(pool, address, state) {
	const fields = commonFields();
	const { verb: title, done, says } = overrides[state];
	confirm(`${title} ${address}?`, [h('p', {}, says), ...fields.elements], title, (force) =>
		change(pool, address, { state, ...fields.values(), force }, `${address} ${done}.`));
}

export function confirmWeight(pool, address, weight) {
	const fields = commonFields();
	const input = h('input', { name: 'weight', type: 'number', min: '0', max: '65535', step: '1', required: true, value: weight });
	confirm(`Weight of ${address}`, [h('p', {}, 'It replaces the weight of the source. 0 drains the endpoint.'),
		h('label', {}, 'Weight', input), ...fields.elements], 'Set weight', (force) =>
		change(pool, address, { weight: Number(input.value), ...fields.values(), force }, `${address} has weight ${input.value}.`));
}

export function confirmEnd(pool, address) {
	confirm(`End the override of ${address}?`, [h('p', {}, 'Its source, its checks and the endpoint itself decide again.')],
		'End override', async () => {
			const before = await get(endpointURL(pool, address));
			await call('DELETE', endpointURL(pool, address, '/override'));
			tell(`The override of ${address} has ended.`, { action: 'Undo', run: () => undo(pool, address, before.override) });
		});
}

export function confirmReset(pool, address) {
	confirm(`Forget what is known of ${address}?`,
		[h('p', {}, 'Its latency, failures and ejections are forgotten. This cannot be undone.')], 'Forget', async () => {
			await call('POST', endpointURL(pool, address, '/reset'));
			tell(`Latency, failures and ejections of ${address} are forgotten.`);
		});
}

export function confirmRollback(pool, entry) {
	confirm(`Go back to the list of revision ${entry.revision}?`,
		[h('p', {}, 'The pool keeps that list, whatever its sources say, until you let it follow them again.')],
		'Go back', async () => {
			await call('POST', poolURL(pool, '/rollback'), { revision: entry.revision });
			tell(`The list is that of revision ${entry.revision}.`, { action: 'Undo', run: () => release(pool) });
		});
}

export const release = (pool) => report(async () => {
	await call('DELETE', poolURL(pool, '/rollback'));
	tell('The pool follows its sources again.');
});

// change makes an override, and offers to restore the one before.
async function change(pool, address, patch, told) {
	const { answer: before, etag } = await call('GET', endpointURL(pool, address));
	await call('PATCH', endpointURL(pool, address), patch, etag);
	tell(told, { action: 'Undo', run: () => undo(pool, address, before.override) });
}

const undo = (pool, address, override) => report(async () => {
	if (override) {
		const { state = null, weight = null, until = null, reason = null } = override;
		await call('PATCH', endpointURL(pool, address), { state, weight, until, reason, force: true });
	} else {
		await call('DELETE', endpointURL(pool, address, '/override'));
	}
	const { answer } = await call('GET', endpointURL(pool, address));
	tell(`Undone: ${address} is ${endpointState(answer.state).text.toLowerCase()}.`);
});

export async function report(run) {
	try {
		await run();
	} catch (error) {
		tell(error.message, { tone: 'bad' });
	}
}

// confirm asks before it runs. What Caddy refuses because the endpoint is the last usable one can be
// forced by a second confirmation.
export function confirm(title, content, action, run) {
	const refusal = h('p', { class: 'refusal', role: 'alert', hidden: true });
	const submit = h('button', { class: 'primary' }, action);
	let force = false;
	const form = h('form', {
		method: 'dialog',
		onsubmit: async (event) => {
			event.preventDefault();
			submit.disabled = true;
			try {
				await run(force);
				dialog.close();
			} catch (error) {
				refusal.textContent = error.message;
				refusal.hidden = false;
				force = error.status === 409;
				submit.textContent = force ? `${action} nevertheless` : action;
			}
			submit.disabled = false;
		},
	}, content, refusal, h('div', { class: 'buttons' },
		h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), submit));
	const dialog = openDialog(title, form);
	submit.focus();
}
