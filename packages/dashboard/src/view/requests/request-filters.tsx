import type { ComponentChildren } from 'preact';
import { useContext } from 'preact/hooks';
import type { Snapshot } from '../../model/snapshot.ts';
import { isFiltered, OUTCOME_LABEL, viewAddress, viewParameters } from '../../model/view-query.ts';
import { View } from '../elements/view-context.tsx';

/** The filters of the request list: a plain form, whose fields become the page's query. */
export function RequestFilters({ snapshot }: { readonly snapshot: Snapshot }) {
  const query = useContext(View);
  const { requests, usage, keys } = snapshot;
  const clients = [
    ...requests.map(({ client }) => client),
    ...usage.clients.map(({ name }) => name),
  ];
  const models = [...requests.map(({ model }) => model), ...usage.models.map(({ name }) => name)];
  return (
    <form class="filters" method="get" action="/metrics#requests" aria-label="Filter requests">
      {query.range === '1h' ? null : <input type="hidden" name="range" value={query.range} />}
      <Field name="outcome" label="Outcome">
        <select id="filter-outcome" name="outcome">
          <option value="">any</option>
          {Object.entries(OUTCOME_LABEL).map(([value, label]) => (
            <option key={value} value={value} selected={value === query.outcome}>
              {label}
            </option>
          ))}
        </select>
      </Field>
      <TextField name="client" label="Client" maxLength={128} known={clients} />
      <TextField name="key" label="Key" maxLength={300} known={keys.map(({ name }) => name)} />
      <TextField name="model" label="Model" maxLength={256} known={models} />
      <button type="submit">Filter</button>
      {isFiltered(query) ? (
        <a href={viewAddress({ ...query, ...NO_FILTERS }, 'requests')}>Clear</a>
      ) : null}
    </form>
  );
}

const NO_FILTERS = { outcome: null, client: null, key: null, model: null, before: null };

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly children: ComponentChildren;
}

function Field({ name, label, children }: FieldProps) {
  return (
    <span class="field">
      <label for={`filter-${name}`}>{label}</label>
      {children}
    </span>
  );
}

interface TextFieldProps extends Omit<FieldProps, 'children'> {
  readonly name: 'client' | 'key' | 'model';
  readonly maxLength: number;
  /** The known values; null and empty ones are left out. */
  readonly known: readonly (string | null)[];
}

function TextField({ name, label, maxLength, known }: TextFieldProps) {
  const given = viewParameters(useContext(View)).get(name) ?? '';
  const options = [...new Set(known)].filter((value) => value !== null && value !== '');
  return (
    <Field name={name} label={label}>
      <input
        id={`filter-${name}`}
        name={name}
        type="text"
        list={`known-${name}`}
        maxLength={maxLength}
        autocomplete="off"
        spellcheck={false}
        placeholder="any"
        defaultValue={given}
      />
      <datalist id={`known-${name}`}>
        {options.map((value) => (
          <option key={value} value={value ?? ''} />
        ))}
      </datalist>
    </Field>
  );
}
