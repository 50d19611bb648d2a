// What is known of the pool that is shown. The state of it comes once, and figures as they change.

import { parseTime } from './format.js';
import { Series } from './series.js';

// recent is the number of seconds over which a rate is a mean, and shared that for shares and errors.
const recent = 5;
const shared = 30;

const partNames = ['limits', 'hedges', 'sessions', 'groups', 'ungrouped'];

class Endpoint {
	requestsSeries = new Series();
	failuresSeries = new Series();
	rate = 0;
	share = 0;
	errors = null;

	constructor(address) {
		this.address = address;
	}

	describe(status) {
		this.id = status.id ?? '';
		this.zone = status.zone ?? '';
		this.priority = status.priority ?? 0;
		this.groups = status.groups ?? [];
		this.ungrouped = Boolean(status.ungrouped);
		this.override = status.override;
		this.text = [this.address, this.id, this.zone, ...this.groups, ...Object.values(status.metadata ?? {})].join('\n').toLowerCase();
		this.state = status.state;
		this.reason = status.reason ?? '';
		this.since = parseTime(status.since);
		this.usable = status.usable;
		this.weight = status.effective_weight;
		this.inFlight = status.load.in_flight;
		this.parked = status.load.parked ?? 0;
	}
}

export class Pool {
	endpoints = new Map();
	changes = new Map(); // the time of the last change of each address
	rate = new Series();
	failures = new Series();
	inFlight = new Series();
	p99 = new Series();
	median = 0;
	tail = 0;
	usable = 0;
	status = null;
	parts = {}; // limits, hedges, sessions, groups and ungrouped, as far as the pool has them
	groupPicks = new Map(); // by name

	constructor(name) {
		this.name = name;
	}

	// describe takes the state of the whole pool.
	describe(status) {
		const listed = new Map();
		for (const member of status.members ?? []) {
			const endpoint = this.endpoints.get(member.address) ?? new Endpoint(member.address);
			endpoint.describe(member);
			listed.set(member.address, endpoint);
		}
		this.endpoints = listed;
		this.status = { ...status, members: undefined };
		this.usable = status.usable;
		for (const name of partNames) this.#takePart(name, status[name]);
	}

	// takeParts takes an event with the parts of the pool that have changed.
	takeParts(event) {
		for (const [name, part] of Object.entries(event)) this.#takePart(name, part ?? undefined);
	}

	#takePart(name, part) {
		if (name === 'groups') this.#countPicks(part ?? []);
		this.parts[name] = part;
	}

	// A group of a Caddy that has restarted counts from zero.
	#countPicks(groups) {
		for (const { name, picks } of groups) {
			const known = this.groupPicks.get(name);
			known?.series.add(Math.max(picks - known.picks, 0));
			this.groupPicks.set(name, { series: known?.series ?? new Series(), picks });
		}
	}

	// shareNow returns the part of the recent picks that were in a group, null if that is not known:
	// before the first ones, and if several policies have groups.
	shareNow(group) {
		const groups = this.parts.groups ?? [];
		if (groups.filter((g) => g.default).length !== 1) return null;
		const picks = ({ name }) => this.groupPicks.get(name)?.series.sum(shared) ?? 0;
		const all = groups.reduce((sum, g) => sum + picks(g), 0);
		return all ? picks(group) / all : null;
	}

	// take takes an event with figures, and reports whether the list is another one than it knows.
	take(event) {
		if (event.columns) {
			this.column = Object.fromEntries(event.columns.map((name, i) => [name, i]));
			this.time = undefined;
		}
		const passed = this.time === undefined ? 0 : Math.max((event.time - this.time) / 1000, 0.1);
		this.time = event.time;
		for (const series of [this.rate, this.failures]) if (passed) series.push(0);
		if (passed) for (const { series } of this.groupPicks.values()) series.push(0);
		if (passed) {
			for (const endpoint of this.endpoints.values()) {
				endpoint.requestsSeries.push(0);
				endpoint.failuresSeries.push(0);
			}
		}
		let unknown = (event.removed?.length ?? 0) > 0;
		for (const row of event.rows) unknown = !this.#takeRow(row, passed) || unknown;
		this.#derive(event);
		return unknown;
	}

	#takeRow(row, passed) {
		const at = this.column;
		const endpoint = this.endpoints.get(row[at.address]);
		if (!endpoint) return false;
		const [requests, failed] = [row[at.requests], row[at.failures]];
		if (passed) this.#count(endpoint, requests, failed, passed);
		endpoint.requests = requests;
		endpoint.failed = failed;
		endpoint.state = row[at.state];
		endpoint.usable = row[at.usable];
		endpoint.reason = row[at.reason];
		endpoint.since = row[at.since] ?? undefined;
		endpoint.weight = row[at.weight];
		endpoint.inFlight = row[at.in_flight];
		endpoint.parked = row[at.parked];
		endpoint.p50 = row[at.p50];
		endpoint.p99 = row[at.p99];
		return true;
	}

	// An endpoint that was not known before has no rate yet, and one of a Caddy that has restarted
	// counts from zero.
	#count(endpoint, requests, failed, passed) {
		const newRequests = Math.max(requests - (endpoint.requests ?? requests), 0) / passed;
		const newFailures = Math.max(failed - (endpoint.failed ?? failed), 0) / passed;
		endpoint.requestsSeries.add(newRequests);
		endpoint.failuresSeries.add(newFailures);
		this.rate.add(newRequests);
		this.failures.add(newFailures);
	}

	#derive(event) {
		const all = this.rate.sum(shared);
		let inFlight = 0;
		for (const endpoint of this.endpoints.values()) {
			const requests = endpoint.requestsSeries.sum(shared);
			endpoint.rate = endpoint.requestsSeries.mean(recent);
			endpoint.share = all ? requests / all : 0;
			endpoint.errors = requests ? endpoint.failuresSeries.sum(shared) / requests : null;
			inFlight += endpoint.inFlight;
		}
		this.inFlight.push(inFlight);
		this.median = event.p50 ?? 0;
		this.tail = event.p99 ?? 0;
		this.p99.push(this.tail);
	}

	get requestRate() { return this.rate.mean(recent); }
	get errorShare() {
		const requests = this.rate.sum(shared);
		return requests ? this.failures.sum(shared) / requests : null;
	}

	// noteChange remembers when an endpoint changed.
	noteChange(entry) {
		const time = parseTime(entry.time);
		const addresses = entry.address ? [entry.address] : [...(entry.added?.first ?? []), ...(entry.changed?.first ?? [])];
		for (const address of addresses) {
			if (!(this.changes.get(address) > time)) this.changes.set(address, time);
		}
	}

	changedAt(endpoint) {
		return Math.max(this.changes.get(endpoint.address) ?? 0, endpoint.since ?? 0) || undefined;
	}
}
