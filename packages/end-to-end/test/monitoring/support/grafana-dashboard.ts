import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldConfigSource,
  Panel,
  RowPanel,
  TableFieldOptions,
  TableOptions,
} from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type {
  FieldConfig as HeatmapField,
  Options as HeatmapOptions,
} from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesField,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** A query as Grafana's data source for Prometheus keeps it. */
interface PrometheusQuery extends DataQuery {
  expr: string;
  editorMode?: 'code' | 'builder';
  format?: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  interval?: string;
  legendFormat?: string;
  range?: boolean;
}

type Visual<Type, Options, Field> = Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type;
  options: Options;
  fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
    defaults: Omit<FieldConfigSource['defaults'], 'custom'> & { custom?: Field };
  };
  targets: PrometheusQuery[];
};

type VisualPanel =
  | Visual<'bargauge', BarGaugeOptions, never>
  | Visual<'heatmap', HeatmapOptions, HeatmapField>
  | Visual<'stat', StatOptions, never>
  | Visual<'table', TableOptions, TableFieldOptions>
  | Visual<'timeseries', TimeSeriesOptions, TimeSeriesField>;

/** A value as JSON writes it: a string enum by its strings. */
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

/**
 * Our dashboard as Grafana's own types have it (`@grafana/schema`), narrowed to the kinds of panels
 * in use, so that the options of each are checked too.
 */
export type GrafanaDashboard = Json<
  Omit<Dashboard, 'panels' | 'annotations'> & {
    annotations: { list: AnnotationQuery<PrometheusQuery>[] };
    panels: (VisualPanel | RowPanel)[];
  }
>;
