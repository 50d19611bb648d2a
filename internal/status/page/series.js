// Series keeps the last values of a figure, one for each second.

export const length = 60;

export class Series {
	#values = new Float32Array(length);
	#next = 0;

	push(value) {
		this.#values[this.#next] = value;
		this.#next = (this.#next + 1) % length;
	}

	// add changes the newest value.
	add(value) {
		this.#values[(this.#next + length - 1) % length] += value;
	}

	clear() {
		this.#values.fill(0);
	}

	// sum adds up the newest values.
	sum(newest) {
		let sum = 0;
		for (let i = 1; i <= newest; i++) sum += this.#values[(this.#next + length - i) % length];
		return sum;
	}

	mean(newest) {
		return this.sum(newest) / newest;
	}

	// at returns the value of so many seconds after the oldest.
	at(i) {
		return this.#values[(this.#next + i) % length];
	}

	max() {
		let max = 0;
		for (const value of this.#values) if (value > max) max = value;
		return max;
	}
}
