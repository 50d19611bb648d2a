// Makes elements. All text goes in as text, so that nothing a backend says becomes HTML.

const svgNames = new Set(['svg', 'path', 'polyline', 'polygon', 'line', 'g', 'title']);

// h returns an element with properties and children. Names that begin with "on" are listeners.
export function h(name, properties = {}, ...children) {
	const element = svgNames.has(name)
		? document.createElementNS('http://www.w3.org/2000/svg', name)
		: document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (value === undefined || value === null || value === false) continue;
		if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
		else element.setAttribute(key, value === true ? '' : value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

// setText changes the text of an element only if it differs, because each change costs a layout.
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
	if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}


export const nothing = '\u2013';
